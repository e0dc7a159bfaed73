/* SPDX-License-Identifier: ISC */
/*
 * Head: the newest signed checkpoint as everybody may know it, that is after its batch is durable
 * and the head guard is written. The sequencer publishes, any thread reads.
 */
#ifndef TL_DAEMON_HEAD_H
#define TL_DAEMON_HEAD_H

#include <pthread.h>
#include <stdint.h>

#include <tally/status.h>
#include <tally/types.h>

#include "lib/base/bytes.h"

#define TL_HEAD_NOTE_ROOM 900u /* bytes of a checkpoint with two signature lines; fits a WELCOME */

struct tl_head_view {
    uint64_t size;
    struct tally_hash root;
    uint64_t signed_s; /* when it was signed, by this host's clock */
    size_t note_len;
    uint8_t note[TL_HEAD_NOTE_ROOM];
};

struct tl_head {
    pthread_mutex_t mutex;
    struct tl_head_view view;
};

void tl_head_init(struct tl_head *head);
void tl_head_deinit(struct tl_head *head);
void tl_head_publish(struct tl_head *head, const struct tl_head_view *view);
void tl_head_read(struct tl_head *head, struct tl_head_view *ret_view);

static inline struct tally_bytes tl_head_note(const struct tl_head_view *view)
{
    return tl_bytes(view->note, view->note_len);
}

#endif
