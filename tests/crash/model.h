/* SPDX-License-Identifier: ISC */
/*
 * What a disk may hold. A file is what is durable, plus units that may or may not have reached the
 * disk: sectors of 512 bytes, sizes, changes of names. A sync turns units into what is durable.
 * The state after a crash is the durable part with any subset of the units, applied in order.
 *
 * Assumed of the disk and its file system: a sector is written whole or not at all (but see
 * model_state.cut), a rename is one change, fdatasync covers the size, O_DSYNC is write and sync.
 * Not assumed: that names become durable without a sync of their directory, or in any order.
 */
#ifndef TL_TESTS_CRASH_MODEL_H
#define TL_TESTS_CRASH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/crash/digest.h"
#include "tests/crash/run_log.h"

enum {
    MODEL_SECTOR = 512,
    MODEL_FILE_MAX = 16777216,
    MODEL_NODE_MAX = 1024, /* files and directories; 0 is the root of the run */
    MODEL_NAME_MAX = 128,
    MODEL_NAMES_MAX = 256,
    MODEL_UNIT_MAX = 65536,
    MODEL_FD_MAX = 65536,
};

struct model_name {
    uint32_t directory;
    uint32_t node;
    char text[MODEL_NAME_MAX];
};

struct model_names {
    size_t count;
    struct model_name items[MODEL_NAMES_MAX];
};

struct model_node {
    bool is_directory;
    uint8_t *durable; /* MODEL_FILE_MAX bytes each */
    uint8_t *newest;
    uint64_t durable_len;
    uint64_t newest_len;
    struct digest *digests; /* of each durable sector; 0: never written */
    struct digest digest;   /* their sum */
    uint64_t used; /* no byte from here on was ever written */
};

enum unit_kind {
    UNIT_SECTOR,
    UNIT_SIZE,
    UNIT_NAME,
};

struct unit {
    enum unit_kind kind;
    bool in_flight; /* of the call that the crash interrupts */
    uint32_t node;
    uint64_t number;                   /* of the sector; or the size */
    uint8_t *sector;                   /* its bytes after the write */
    struct digest digest;              /* of them, at their place */
    uint32_t from_directory;           /* UNIT_NAME: what disappears; "" nothing */
    uint32_t to_directory;             /* and what appears; "" nothing */
    char from[MODEL_NAME_MAX];
    char to[MODEL_NAME_MAX];
};

struct model {
    const char *root; /* the directory of the run, as the log has it */
    size_t node_count;
    struct model_node nodes[MODEL_NODE_MAX];
    struct model_names durable;
    struct model_names newest;
    size_t unit_count;
    struct unit units[MODEL_UNIT_MAX];
    struct {
        uint32_t node; /* 0: none */
        bool synced;
    } fds[MODEL_FD_MAX];
};

struct model *model_new(const char *root);
void model_free(struct model *model);

/* The call is made: its units are there, nothing of it is durable yet. */
void model_begin(struct model *model, const struct run_op *op);

/* The call has returned. */
void model_end(struct model *model, const struct run_op *op);

/* Whether a crash during the call can leave what a crash before it could not. */
bool model_is_crash_point(const struct run_op *op);

void model_copy_names(struct model_names *names, const struct model_names *others);

/* Applies one change of names. */
void model_rename(struct model_names *names, const struct unit *unit);

/* The node of a name, 0 when there is none. */
uint32_t model_find(const struct model_names *names, uint32_t directory, const char *text);

#endif
