/* SPDX-License-Identifier: ISC */
#include "daemon/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/file.h"

/* The headers of Debian 12 end with ABI 2: the kernel's numbers of what came later. */
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_TCP UINT64_C(3)  /* bind, connect */
#define SCOPE_ALL UINT64_C(3) /* abstract Unix sockets and signals of others */

/* A kernel that knows less takes the longer struct while the rest is zero. */
struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

static struct ruleset all_of(unsigned abi)
{
    struct ruleset all = {.fs = (LANDLOCK_ACCESS_FS_REFER << 1) - 1};
    all.fs |= abi >= 3 ? FS_TRUNCATE : 0;
    all.net = abi >= 4 ? NET_TCP : 0;
    all.fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
    all.scoped = abi >= 6 ? SCOPE_ALL : 0;
    return all;
}

static uint64_t rights_of(unsigned uses)
{
    static const uint64_t rights[] = {
        LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
            LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        LANDLOCK_ACCESS_FS_REFER,
        LANDLOCK_ACCESS_FS_REMOVE_FILE,
    };
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        sum |= (uses >> i & 1) != 0 ? rights[i] : 0;
    }
    return sum;
}

static bool add_rule(int ruleset, const struct tl_landlock_rule *rule)
{
    struct landlock_path_beneath_attr beneath = {
        .allowed_access = rights_of(rule->uses),
        .parent_fd = open(rule->directory, O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    if (beneath.parent_fd < 0) {
        return false;
    }
    bool added =
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    int error = errno;
    (void)close(beneath.parent_fd);
    errno = error;
    return added;
}

unsigned tl_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (unsigned)abi : 0;
}

enum tally_status tl_landlock_restrict(unsigned abi, const struct tl_landlock_rule *rules,
                                       size_t rule_count)
{
    TL_ASSERT(abi >= TL_LANDLOCK_ABI_MIN);
    struct ruleset all = all_of(abi);
    int fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    bool done = fd >= 0;
    for (size_t i = 0; i < rule_count && done; i++) {
        done = add_rule(fd, &rules[i]);
    }
    done = done && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    enum tally_status status = done ? TALLY_OK : tl_status_from_errno(errno);
    tl_close(&fd);
    return status;
}
