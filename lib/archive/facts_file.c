/* SPDX-License-Identifier: ISC */
#include "lib/archive/facts_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/archive/temporary.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"

#define RING_COUNT 8192u
#define FLUSH_COUNT 512u
_Static_assert(RING_COUNT % FLUSH_COUNT == 0, "a flush is one stretch of the ring");

struct tl_facts_file {
    int fd;
    int countersigned_fd;
    uint64_t count;
    uint64_t countersigned_count;
    size_t unwritten_count;
    struct tl_fact ring[RING_COUNT];
    struct tl_countersigned unwritten[FLUSH_COUNT];
};

/* Makes the file when the first bytes come: most ledgers are small, and many are looked at. */
static enum tally_status write_at(int *fd, const void *src, size_t len, uint64_t offset)
{
    const uint8_t *bytes = src;
    enum tally_status status = *fd < 0 ? tl_temporary_file(fd) : TALLY_OK;
    if (status != TALLY_OK) {
        return status;
    }
    while (len > 0) {
        ssize_t put = pwrite(*fd, bytes, len, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? tl_status_from_errno(errno) : TALLY_EIO;
        }
        bytes += put;
        offset += (uint64_t)put;
        len -= (size_t)put;
    }
    return TALLY_OK;
}

static enum tally_status read_at(int fd, void *dst, size_t len, uint64_t offset)
{
    uint8_t *bytes = dst;
    while (len > 0) {
        ssize_t got = pread(fd, bytes, len, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? tl_status_from_errno(errno) : TALLY_EIO;
        }
        bytes += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return TALLY_OK;
}

enum tally_status tl_facts_file_new(struct tl_facts_file **ret_facts)
{
    struct tl_facts_file *facts = tl_calloc(1, sizeof *facts);
    if (facts == NULL) {
        return TALLY_ENOMEM;
    }
    facts->fd = -1;
    facts->countersigned_fd = -1;
    *ret_facts = facts;
    return TALLY_OK;
}

void tl_facts_file_free(struct tl_facts_file *facts)
{
    if (facts != NULL) {
        tl_close(&facts->fd);
        tl_close(&facts->countersigned_fd);
        tl_free(facts);
    }
}

enum tally_status tl_facts_file_append(struct tl_facts_file *facts, const struct tl_fact *fact)
{
    facts->ring[facts->count % RING_COUNT] = *fact;
    facts->count++;
    if (facts->count % FLUSH_COUNT != 0) {
        return TALLY_OK;
    }
    uint64_t first = facts->count - FLUSH_COUNT;
    return write_at(&facts->fd, &facts->ring[first % RING_COUNT],
                    FLUSH_COUNT * sizeof facts->ring[0], first * sizeof facts->ring[0]);
}

enum tally_status tl_facts_file_get(struct tl_facts_file *facts, uint64_t index,
                                    struct tl_fact *ret_fact)
{
    if (index >= facts->count) {
        return TALLY_ENOTFOUND;
    }
    if (facts->count - index <= RING_COUNT) {
        *ret_fact = facts->ring[index % RING_COUNT];
        return TALLY_OK;
    }
    return read_at(facts->fd, ret_fact, sizeof *ret_fact, index * sizeof *ret_fact);
}

enum tally_status tl_facts_file_countersigned(struct tl_facts_file *facts,
                                              const struct tl_countersigned *item)
{
    facts->unwritten[facts->unwritten_count] = *item;
    facts->unwritten_count++;
    if (facts->unwritten_count < FLUSH_COUNT) {
        return TALLY_OK;
    }
    enum tally_status status =
        write_at(&facts->countersigned_fd, facts->unwritten, sizeof facts->unwritten,
                 facts->countersigned_count * sizeof facts->unwritten[0]);
    facts->countersigned_count += FLUSH_COUNT;
    facts->unwritten_count = 0;
    return status;
}

static enum tally_status written_countersigners(struct tl_facts_file *facts, tl_signer_fn signer,
                                                void *context)
{
    for (uint64_t i = 0; i < facts->countersigned_count; i++) {
        struct tl_countersigned item;
        enum tally_status status =
            read_at(facts->countersigned_fd, &item, sizeof item, i * sizeof item);
        if (status != TALLY_OK) {
            return status;
        }
        signer(context, item.index, item.key);
    }
    return TALLY_OK;
}

enum tally_status tl_facts_file_signers(struct tl_facts_file *facts, tl_signer_fn signer,
                                        void *context)
{
    for (uint64_t i = 0; i < facts->count; i++) {
        struct tl_fact fact;
        enum tally_status status = tl_facts_file_get(facts, i, &fact);
        if (status != TALLY_OK) {
            return status;
        }
        signer(context, i, fact.author);
    }
    enum tally_status status = written_countersigners(facts, signer, context);
    for (size_t i = 0; i < facts->unwritten_count && status == TALLY_OK; i++) {
        signer(context, facts->unwritten[i].index, facts->unwritten[i].key);
    }
    return status;
}
