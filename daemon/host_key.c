/* SPDX-License-Identifier: ISC */
#include "daemon/host_key.h"

#include <inttypes.h>

#include "daemon/exit_code.h"
#include "daemon/key_file.h"
#include "daemon/log.h"

bool tl_host_key_number(const struct tl_host_key *host_key, const struct tl_roster *roster,
                        size_t *ret_number)
{
    if (host_key->secret == NULL) {
        return false;
    }
    const struct tl_roster_key *key = tl_roster_find_key(roster, &host_key->key.fingerprint);
    if (key == NULL || key->member != TL_MEMBER_HOST || !tl_roster_key_in_force(roster, key)) {
        return false;
    }
    *ret_number = (size_t)(key - roster->keys);
    return true;
}

int tl_host_key_load(const char *path, const struct tl_roster *roster,
                     struct tl_host_key *ret_host_key)
{
    size_t number = 0;
    ret_host_key->secret = NULL;
    if (path[0] == '\0') {
        return TL_EXIT_OK;
    }
    int code = tl_key_file_load("host key", path, &ret_host_key->secret);
    if (code != TL_EXIT_OK) {
        return code;
    }
    tl_public_key_from_point(tl_secret_key_public(ret_host_key->secret), &ret_host_key->key);
    if (!tl_host_key_number(ret_host_key, roster, &number)) {
        tl_log(TL_LOG_CRITICAL,
               "%s is not the host key of this ledger, or an amendment has ended it: name the one "
               "in force as host-key, or none",
               path);
        return TL_EXIT_KEY;
    }
    tl_log(TL_LOG_NOTICE, "the host key is at hand: what the operator confirms is recorded");
    return TL_EXIT_OK;
}

void tl_host_key_free(struct tl_host_key *host_key)
{
    tl_secret_key_free(&host_key->secret);
}

void tl_host_key_review(struct tl_host_key *host_key, const struct tl_roster *roster)
{
    size_t number = 0;
    if (host_key->secret == NULL || tl_host_key_number(host_key, roster, &number)) {
        return;
    }
    tl_log(TL_LOG_WARNING,
           "record %" PRIu64 " has ended the host key: no incident can be recorded. Name the new "
           "one as host-key before the next start",
           roster->position);
    tl_host_key_free(host_key);
}
