/* SPDX-License-Identifier: ISC */
/*
 * Signing and the stop of it. A client's contradiction may come at any moment: while something is
 * signed, the stop waits; after the stop, nothing is signed.
 */
#include "tests/support/test.h"

#include <pthread.h>
#include <semaphore.h>

#include "daemon/ledger.h"
#include "lib/codec/checkpoint.h"

#define ORIGIN "tally.example/signing"

enum { MAP_SIZE = 2 << 20 };

static struct tl_ledger ledger;
static char directory[TEST_PATH_MAX];
static uint8_t hello[TL_HEAD_NOTE_ROOM];
static size_t hello_len;

/* Posted when the thread that stops signing has to wait, and when it has ended. */
static sem_t stopper_rests;
static _Thread_local bool is_stopper;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!is_stopper) {
        return __real_pthread_mutex_lock(mutex);
    }
    if (pthread_mutex_trylock(mutex) == 0) {
        return 0;
    }
    (void)sem_post(&stopper_rests);
    return __real_pthread_mutex_lock(mutex);
}

/* A ledger whose head is the charter's, and a signed checkpoint of three records. */
static int setup(void **state)
{
    (void)state;
    static const uint8_t seed[TL_ED25519_SEED_LEN] = {7};
    struct tl_note_key *key = &ledger.keys[0].key;
    struct tally_hash root = {.bytes = {1}};
    struct tl_head_view view;
    memset(&ledger, 0, sizeof ledger);
    test_dir_make(directory);
    assert_status(tl_store_create(directory), TALLY_OK);
    assert_status(tl_store_open(directory, MAP_SIZE, TL_STORE_WRITE, &ledger.store), TALLY_OK);
    assert_status(tl_secret_key_from_seed(seed, &ledger.secret), TALLY_OK);
    assert_status(tl_note_key_make(tl_bytes_text(ORIGIN), TL_NOTE_ED25519,
                                   tl_secret_key_public(ledger.secret), key),
                  TALLY_OK);
    ledger.key_count = 1;
    (void)pthread_mutex_init(&ledger.keys_mutex, NULL);
    (void)pthread_mutex_init(&ledger.signing_mutex, NULL);
    atomic_init(&ledger.signing, TL_SIGNING_ON);
    tl_head_init(&ledger.head);
    assert_status(tl_ledger_sign(key, ledger.secret, NULL, NULL, 1, &root, &view), TALLY_OK);
    tl_head_publish(&ledger.head, &view);
    assert_status(tl_ledger_sign(key, ledger.secret, NULL, NULL, 3, &root, &view), TALLY_OK);
    memcpy(hello, view.note, view.note_len);
    hello_len = view.note_len;
    assert_int_equal(sem_init(&stopper_rests, 0, 0), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)sem_destroy(&stopper_rests);
    tl_head_deinit(&ledger.head);
    (void)pthread_mutex_destroy(&ledger.signing_mutex);
    (void)pthread_mutex_destroy(&ledger.keys_mutex);
    tl_secret_key_free(&ledger.secret);
    tl_store_close(ledger.store);
    test_dir_remove(directory);
    return 0;
}

static void *contradict(void *argument)
{
    enum tl_hello_verdict *ret_verdict = (enum tl_hello_verdict *)argument;
    is_stopper = true;
    enum tally_status status =
        tl_ledger_judge_hello(&ledger, tl_bytes(hello, hello_len), ret_verdict);
    (void)sem_post(&stopper_rests);
    return status == TALLY_OK ? ret_verdict : NULL;
}

static bool is_stopped(void)
{
    return atomic_load(&ledger.signing) == TL_SIGNING_STOPPED;
}

static enum tally_status reject(void)
{
    struct tl_rejection rejection = {.code = TALLY_REASON_MALFORMED, .size = 1};
    struct tl_buffer buffer;
    tl_buffer_init(&buffer, TL_REJECTION_MAX);
    enum tally_status status = tl_ledger_sign_rejection(&ledger, &rejection, &buffer);
    assert_int_equal(status == TALLY_OK, buffer.len > 0);
    tl_buffer_deinit(&buffer);
    return status;
}

static void test_a_stop_waits_for_what_is_being_signed(void **state)
{
    (void)state;
    pthread_t thread;
    void *answered = NULL;
    enum tl_hello_verdict verdict = TL_HELLO_IGNORED;
    assert_status(tl_ledger_begin_signing(&ledger), TALLY_OK);
    assert_int_equal(pthread_create(&thread, NULL, contradict, &verdict), 0);
    assert_int_equal(sem_wait(&stopper_rests), 0);
    assert_false(is_stopped());
    tl_ledger_end_signing(&ledger);
    assert_int_equal(pthread_join(thread, &answered), 0);
    assert_ptr_equal(answered, &verdict);
    assert_int_equal(verdict, TL_HELLO_ROLLBACK);
    assert_true(is_stopped());
}

static void test_nothing_is_signed_after_a_stop(void **state)
{
    (void)state;
    enum tl_hello_verdict verdict = TL_HELLO_IGNORED;
    assert_status(tl_ledger_begin_signing(&ledger), TALLY_OK);
    tl_ledger_end_signing(&ledger);
    assert_status(reject(), TALLY_OK);
    assert_status(tl_ledger_judge_hello(&ledger, tl_bytes(hello, hello_len), &verdict), TALLY_OK);
    assert_true(is_stopped());
    assert_status(tl_ledger_begin_signing(&ledger), TALLY_ESTOPPED);
    assert_status(reject(), TALLY_ESTOPPED);
    /* Refused, it holds nothing that another stop would wait for. */
    assert_status(tl_ledger_judge_hello(&ledger, tl_bytes(hello, hello_len), &verdict), TALLY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_stop_waits_for_what_is_being_signed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_signed_after_a_stop, setup, teardown),
    };
    assert_status(tl_ed25519_init(), TALLY_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
