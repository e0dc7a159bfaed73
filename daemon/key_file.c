/* SPDX-License-Identifier: ISC */
#include "daemon/key_file.h"

#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "keys/signer.h"

int tl_key_file_load(const char *what, const char *path, struct tl_secret_key **ret_key)
{
    enum tally_status status = tl_secret_key_from_file(path, true, ret_key);
    if (status == TALLY_OK) {
        return TL_EXIT_OK;
    }
    tl_log(TL_LOG_CRITICAL, "%s %s: %s%s", what, path, tally_status_text(status),
           status == TALLY_EACCES ? " (only its owner may read the file: chmod 0400)" : "");
    return TL_EXIT_KEY;
}
