/* SPDX-License-Identifier: ISC */
/*
 * crash_states RUN WORK [--states N] [--seed S] [--control NAME] [--workers W] [--replay NUMBER]
 *
 * Takes the log of a run apart into crash points, makes of each the states that a disk may be in,
 * opens each as tallyd does, and counts what was lost. RUN is the directory of tests/crash/run.py,
 * WORK an empty one on tmpfs. The same seed gives the same states; of those that hold the same
 * bytes while the same was promised, one is opened. --replay shows any of them alone, with what the
 * daemon logs. Ends with 0 when nothing was found, 1 otherwise, 2 when it cannot work.
 */
#include <err.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "keys/ed25519.h"
#include "tests/crash/check.h"
#include "tests/crash/image.h"
#include "tests/crash/seen.h"

enum {
    PATH_LEN_MAX = 512,
    WORKERS_MAX = 64,
    CODES = 16,
    THOROUGH_EACH = 997, /* so many states are made for one that is compared in full */
    MAPPED_FROM = 1536 * 1024,
    KEPT_LEN = 64 * 1024 * 1024,
    SYNC_WEIGHT = 4,     /* before a sync there is most to lose */
};

struct options {
    const char *run;
    const char *work;
    const char *control;
    uint64_t states;
    uint64_t seed;
    unsigned workers;
    uint64_t replay; /* UINT64_MAX: all */
};

/* What all workers see. */
struct shared {
    _Atomic uint64_t distinct; /* states that have been opened: no two of them are the same */
    _Atomic uint64_t codes[CODES];
    _Atomic uint64_t findings[CHECK_FINDING_COUNT];
    _Atomic uint64_t first[CHECK_FINDING_COUNT]; /* the number of a state that shows it */
    _Atomic uint64_t at[WORKERS_MAX];            /* the state that the worker is busy with */
};

struct campaign {
    struct options options;
    struct run_log log;
    char original_root[PATH_LEN_MAX]; /* as the log has it */
    struct promises *promises;
    uint64_t *begins; /* of each call: the number of its first state */
    uint64_t total;
    struct shared *shared;
};

struct worker {
    struct campaign *campaign;
    unsigned number;
    uint64_t from; /* the states before were opened by one that died */
    struct image *image;
    struct model *model;
    struct tl_config config;
    struct seen seen; /* since the version of the promises */
    uint64_t version;
};

/* ---- Which states there are ---- */

static unsigned weight(const struct model *model, const struct run_op *op)
{
    if (model->unit_count == 0) {
        return 0;
    }
    bool syncs = op->op == RECORD_SYNC ||
                 (op->op == RECORD_WRITE && model->fds[op->fd].synced);
    return syncs ? SYNC_WEIGHT : 1;
}

static const struct run_op end_op = {.op = RECORD_MARK, .fd = -1};

static const struct run_op *op_at(const struct campaign *campaign, size_t i)
{
    return i < campaign->log.count ? &campaign->log.ops[i] : &end_op;
}

/* Numbers the states when each crash point may have quota times its weight; gives the weights. */
static uint64_t number_with(struct campaign *campaign, uint64_t quota)
{
    size_t count = campaign->log.count + 1;
    struct model *model = model_new(campaign->original_root);
    uint64_t weights = 0;
    campaign->total = 0;
    for (size_t i = 0; i < count; i++) {
        const struct run_op *op = op_at(campaign, i);
        model_begin(model, op);
        campaign->begins[i] = campaign->total;
        if (model_is_crash_point(op)) {
            weights += weight(model, op);
            campaign->total += state_count(model->unit_count, quota * weight(model, op));
        }
        model_end(model, op);
    }
    campaign->begins[count] = campaign->total;
    model_free(model);
    return weights;
}

/* Where a crash point has fewer states than it may have, the others get more. */
static void number_states(struct campaign *campaign)
{
    uint64_t wanted = campaign->options.states;
    campaign->begins = (uint64_t *)calloc(campaign->log.count + 2, sizeof *campaign->begins);
    if (campaign->begins == NULL) {
        err(2, "numbers");
    }
    uint64_t quota = 1 + wanted / (1 + number_with(campaign, 1));
    (void)number_with(campaign, quota);
    while (campaign->total < wanted) {
        quota += 1 + quota * (wanted - campaign->total) / wanted;
        (void)number_with(campaign, quota);
    }
}

/* ---- One worker ---- */

static void report_state(const struct campaign *campaign, const struct model *model, size_t i,
                         uint64_t number, enum check_finding finding, int code)
{
    static const char *const names[] = {"",      "start",  "open", "write",  "truncate",
                                        "sync",  "mkdir",  "rename", "link", "remove",
                                        "accept", "send",  "mark"};
    if (campaign->options.replay == number) {
        (void)printf("state %" PRIu64 ": during call %zu (%s), %zu units, exit code %d: %s\n",
                     number, i, names[op_at(campaign, i)->op], model->unit_count, code,
                     check_texts[finding]);
    }
}

/* Whether no state before had the same names and bytes while the same was promised. */
static bool is_new(struct worker *worker, const struct digest *digest)
{
    if (worker->version != worker->campaign->promises->version) {
        worker->version = worker->campaign->promises->version;
        seen_clear(&worker->seen);
    }
    return seen_add(&worker->seen, digest);
}

static void open_state(struct worker *worker, const struct state *state,
                       const struct layout *layout, size_t i, uint64_t number)
{
    struct campaign *campaign = worker->campaign;
    struct shared *shared = campaign->shared;
    int code = 0;
    atomic_store(&shared->at[worker->number], number);
    atomic_fetch_add(&shared->distinct, 1);
    image_make(worker->image, worker->model, state, layout, number % THOROUGH_EACH == 0);
    enum check_finding finding = check_state(campaign->promises, &worker->config, &code);
    atomic_fetch_add(&shared->codes[code & (CODES - 1)], 1);
    atomic_fetch_add(&shared->findings[finding], 1);
    atomic_store(&shared->first[finding], number);
    report_state(campaign, worker->model, i, number, finding, code);
}

/* Each worker makes out all states, and opens those whose digests are its own: once. */
static void run_state(struct worker *worker, size_t i, uint64_t number)
{
    static struct state state;
    static struct layout layout;
    struct campaign *campaign = worker->campaign;
    uint64_t count = campaign->begins[i + 1] - campaign->begins[i];
    state_choose(worker->model, number - campaign->begins[i], count,
                 campaign->options.seed * UINT64_C(0x2545f4914f6cdd1d) + number, &state);
    layout_make(worker->model, &state, &layout);
    struct digest digest = layout_digest(worker->model, &state, &layout);
    if (digest.low % campaign->options.workers == worker->number && is_new(worker, &digest) &&
        number >= worker->from) {
        open_state(worker, &state, &layout, i, number);
    }
}

static void set_config(struct tl_config *config, const struct campaign *campaign,
                       const struct image *image)
{
    tl_config_init(config);
    (void)snprintf(config->data, sizeof config->data, "%s/data", image_root(image));
    (void)snprintf(config->head, sizeof config->head, "%s/data/head", image_root(image));
    (void)snprintf(config->ledger_key, sizeof config->ledger_key, "%s/ledger-key",
                   campaign->options.run);
    (void)snprintf(config->next_ledger_key, sizeof config->next_ledger_key, "%s/next-key",
                   campaign->options.run);
    config->map_size = TL_MAP_SIZE_MIN;
}

static void work(struct campaign *campaign, unsigned number, uint64_t from)
{
    static struct worker worker;
    char directory[PATH_LEN_MAX];
    (void)snprintf(directory, sizeof directory, "%s/%u-%ld", campaign->options.work, number,
                   (long)getpid());
    if (mkdir(directory, 0700) != 0) {
        err(2, "%s", directory);
    }
    worker.campaign = campaign;
    worker.number = number;
    worker.from = from;
    worker.image = image_new(directory);
    worker.model = model_new(campaign->original_root);
    set_config(&worker.config, campaign, worker.image);
    uint64_t replay = campaign->options.replay;
    for (size_t i = 0; i <= campaign->log.count; i++) {
        model_begin(worker.model, op_at(campaign, i));
        for (uint64_t at = campaign->begins[i]; at < campaign->begins[i + 1]; at++) {
            if (replay == UINT64_MAX || replay == at) {
                run_state(&worker, i, at);
            }
        }
        model_end(worker.model, op_at(campaign, i));
        promises_take(campaign->promises, op_at(campaign, i));
    }
}

static pid_t start(struct campaign *campaign, unsigned worker, uint64_t from)
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        err(2, "fork");
    }
    if (pid == 0) {
        work(campaign, worker, from);
        (void)fflush(stdout);
        _exit(0);
    }
    return pid;
}

/* A worker that dies over a state is a finding; another one goes on behind it. */
static void run_workers(struct campaign *campaign)
{
    struct shared *shared = campaign->shared;
    pid_t pids[WORKERS_MAX];
    uint64_t from[WORKERS_MAX] = {0};
    unsigned workers = campaign->options.workers;
    unsigned busy = workers;
    for (unsigned i = 0; i < workers; i++) {
        pids[i] = start(campaign, i, 0);
    }
    while (busy > 0) {
        int status = 0;
        pid_t pid = wait(&status);
        unsigned worker = 0;
        while (worker < workers && pids[worker] != pid) {
            worker++;
        }
        if (worker == workers) {
            err(2, "wait");
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            busy--;
            continue;
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
            errx(2, "worker %u cannot go on", worker);
        }
        uint64_t number = atomic_load(&shared->at[worker]);
        if (number < from[worker]) {
            errx(2, "worker %u dies before it opens a state", worker);
        }
        from[worker] = number + 1;
        atomic_fetch_add(&shared->findings[CHECK_SIGNAL], 1);
        atomic_store(&shared->first[CHECK_SIGNAL], number);
        pids[worker] = start(campaign, worker, from[worker]);
    }
}

/* ---- The whole ---- */

static uint64_t number_of(const char *text)
{
    char *end = NULL;
    uint64_t number = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0') {
        errx(2, "%s: not a number", text);
    }
    return number;
}

static void parse(int argc, char **argv, struct options *options)
{
    if (argc < 3 || argc % 2 == 0) {
        errx(2, "usage: crash_states RUN WORK [--states N] [--seed S] [--control NAME] "
                "[--workers W] [--replay NUMBER]");
    }
    options->run = argv[1];
    options->work = argv[2];
    for (int i = 3; i < argc; i += 2) {
        if (strcmp(argv[i], "--control") == 0) {
            options->control = argv[i + 1];
        } else if (strcmp(argv[i], "--states") == 0) {
            options->states = number_of(argv[i + 1]);
        } else if (strcmp(argv[i], "--seed") == 0) {
            options->seed = number_of(argv[i + 1]);
        } else if (strcmp(argv[i], "--workers") == 0) {
            options->workers = (unsigned)number_of(argv[i + 1]);
        } else if (strcmp(argv[i], "--replay") == 0) {
            options->replay = number_of(argv[i + 1]);
        } else {
            errx(2, "%s: no such option", argv[i]);
        }
    }
    if (options->workers == 0 || options->workers > WORKERS_MAX) {
        errx(2, "1 to %d workers", WORKERS_MAX);
    }
}

static void load(struct campaign *campaign)
{
    char path[PATH_LEN_MAX];
    (void)snprintf(campaign->original_root, sizeof campaign->original_root, "%s",
                   campaign->options.run);
    (void)snprintf(path, sizeof path, "%s/run.log", campaign->options.run);
    campaign->log = run_log_read(path);
    (void)snprintf(path, sizeof path, "%s/charter.receipt", campaign->options.run);
    campaign->promises = promises_new(&campaign->log, path);
    if (campaign->options.control != NULL &&
        !run_log_spoil(&campaign->log, campaign->options.control)) {
        errx(2, "%s: no such control", campaign->options.control);
    }
    number_states(campaign);
}

static int print(const struct campaign *campaign, double seconds)
{
    const struct shared *shared = campaign->shared;
    uint64_t found = 0;
    uint64_t distinct = atomic_load(&shared->distinct);
    (void)printf("%zu calls, %zu records, %" PRIu64 " states, %" PRIu64 " distinct, %.0f of these "
                 "a second\n", campaign->log.count, campaign->promises->record_count,
                 campaign->total, distinct, (double)distinct / seconds);
    for (int i = 0; i < CODES; i++) {
        uint64_t count = atomic_load(&shared->codes[i]);
        if (count > 0) {
            (void)printf("%" PRIu64 " %s %d\n", count, i == 0 ? "serve:" : "refuse: exit code", i);
        }
    }
    for (int i = CHECK_NOTHING + 1; i < CHECK_FINDING_COUNT; i++) {
        uint64_t count = atomic_load(&shared->findings[i]);
        if (count > 0) {
            (void)printf("%" PRIu64 " FOUND: %s; one is --replay %" PRIu64 "\n", count,
                         check_texts[i], atomic_load(&shared->first[i]));
        }
        found += count;
    }
    (void)printf("%" PRIu64 " findings\n", found);
    return found == 0 ? 0 : 1;
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct campaign campaign = {
        .options = {.states = 100000, .seed = 1, .workers = 1, .replay = UINT64_MAX}};
    parse(argc, argv, &campaign.options);
    /* A start of LMDB clears two megabytes, unless they come from the system. */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_LEN);
    if (tl_ed25519_init() != TALLY_OK) {
        errx(2, "libsodium");
    }
    campaign.shared = (struct shared *)mmap(NULL, sizeof *campaign.shared, PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (campaign.shared == MAP_FAILED) {
        err(2, "mmap");
    }
    load(&campaign);
    if (campaign.options.replay == UINT64_MAX) {
        tl_log_set_level((enum tl_log_level)0); /* a start that refuses says why, each time */
    } else {
        campaign.options.workers = 1;
    }
    double begin = now();
    run_workers(&campaign);
    return print(&campaign, now() - begin);
}
