/* SPDX-License-Identifier: ISC */
#include "client/public_key_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/exit_code.h"
#include "client/output.h"
#include "client/whole_file.h"
#include "keys/signer.h"
#include "lib/base/file.h"

#define KEY_FILE_MAX 65536u

static enum tally_status read_public(const char *path, struct tl_public_key *ret_key)
{
    struct tl_buffer text;
    tl_buffer_init(&text, KEY_FILE_MAX);
    enum tally_status status = tl_file_read(path, &text);
    if (status == TALLY_OK) {
        status = tl_public_key_from_file(tl_buffer_bytes(&text), ret_key, NULL);
    }
    tl_buffer_deinit(&text);
    return status;
}

const char *key_file_fault(const char *path, enum tally_status status)
{
    return status == TALLY_EFORMAT || status == TALLY_ETRUNCATED ? "not an OpenSSH key"
                                                                 : whole_file_fault(path, status);
}

int public_key_of(const struct opt *opt, struct tl_public_key *ret_key)
{
    char beside[4096];
    struct tl_secret_key *secret = NULL;
    const char *path = opt_value(opt, "key");
    if (path == NULL) {
        path = getenv("TALLY_KEY");
    }
    if (path == NULL || path[0] == '\0') {
        out_error("which key? --key FILE (private, or its .pub)");
        return EXIT_USAGE;
    }
    (void)snprintf(beside, sizeof beside, "%s.pub", path);
    if (read_public(path, ret_key) == TALLY_OK || read_public(beside, ret_key) == TALLY_OK) {
        return 0;
    }
    enum tally_status status = tl_secret_key_from_file(path, false, &secret);
    if (status == TALLY_OK) {
        tl_public_key_from_point(tl_secret_key_public(secret), ret_key);
        tl_secret_key_free(&secret);
        return 0;
    }
    out_error("%s: %s", path, key_file_fault(path, status));
    return exit_code_of(status);
}
