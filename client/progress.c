/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "client/output.h"

#define BAR_WIDTH 30u
#define PATIENCE_S 1.0
#define REDRAW_S 0.1

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, const char *label)
{
    *progress = (struct progress){.label = label, .started_s = now_s()};
}

void progress_update(struct progress *progress, uint64_t done, uint64_t size)
{
    double now = now_s();
    if (out_is_quiet() || size == 0 || now - progress->started_s < PATIENCE_S ||
        now - progress->drawn_s < REDRAW_S || isatty(STDERR_FILENO) == 0) {
        return;
    }
    double part = (double)(done < size ? done : size) / (double)size;
    size_t filled = (size_t)(part * BAR_WIDTH);
    double left_s = part > 0 ? (now - progress->started_s) * (1 - part) / part : 0;
    (void)fprintf(stderr, "\r%s [", progress->label);
    for (size_t i = 0; i < BAR_WIDTH; i++) {
        (void)fputc(i < filled ? '#' : '.', stderr);
    }
    (void)fprintf(stderr, "] %3.0f%%  %.0f s left \033[K", part * 100, left_s);
    progress->drawn_s = now;
    progress->is_drawn = true;
}

void progress_end(struct progress *progress)
{
    if (progress->is_drawn) {
        (void)fputs("\r\033[K", stderr);
    }
    progress->is_drawn = false;
}
