/* SPDX-License-Identifier: ISC */
#include "daemon/head.h"

#include <string.h>

void tl_head_init(struct tl_head *head)
{
    memset(&head->view, 0, sizeof head->view);
    (void)pthread_mutex_init(&head->mutex, NULL);
}

void tl_head_deinit(struct tl_head *head)
{
    (void)pthread_mutex_destroy(&head->mutex);
}

void tl_head_publish(struct tl_head *head, const struct tl_head_view *view)
{
    (void)pthread_mutex_lock(&head->mutex);
    head->view = *view;
    (void)pthread_mutex_unlock(&head->mutex);
}

void tl_head_read(struct tl_head *head, struct tl_head_view *ret_view)
{
    (void)pthread_mutex_lock(&head->mutex);
    *ret_view = head->view;
    (void)pthread_mutex_unlock(&head->mutex);
}
