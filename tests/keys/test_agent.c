/* SPDX-License-Identifier: ISC */
/* The client of ssh-agent against answers that a real agent would not give. */
#include "tests/support/test.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "keys/agent.h"
#include "keys/ed25519.h"
#include "keys/signer.h"
#include "lib/base/sha256.h"

#define FRAME_CAP 4096
#define PATIENCE_MS 60000u
#define NAMESPACE "entry@tally"

/* A stand-in: answers each connection with what reply_of makes of its request. */
struct stand_in {
    char dir[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    int listener;
    pthread_t thread;
    struct tl_buffer reply; /* the whole answer, with its length */
    bool silent;            /* keeps the connection and says nothing */
    struct tl_secret_key *token;
    uint8_t flags;
    struct tl_public_key key;
};

static struct stand_in agent;

/* Held while an answer is made and sent, and while what it is made of changes. */
static pthread_mutex_t answering = PTHREAD_MUTEX_INITIALIZER;

static void lock(void)
{
    assert_int_equal(pthread_mutex_lock(&answering), 0);
}

static void unlock(void)
{
    assert_int_equal(pthread_mutex_unlock(&answering), 0);
}

static bool read_exactly(int fd, uint8_t *dst, size_t len)
{
    while (len > 0) {
        ssize_t got = read(fd, dst, len);
        if (got <= 0) {
            return false;
        }
        dst += got;
        len -= (size_t)got;
    }
    return true;
}

static size_t read_frame(int fd, uint8_t *frame)
{
    if (!read_exactly(fd, frame, 4)) {
        return 0;
    }
    size_t len = (size_t)frame[2] << 8 | frame[3];
    return len <= FRAME_CAP && read_exactly(fd, frame, len) ? len : 0;
}

static void add_string(struct tl_buffer *buffer, struct tally_bytes bytes)
{
    tl_buffer_add_u32(buffer, (uint32_t)bytes.len);
    tl_buffer_add(buffer, bytes);
}

/* Signs as a hardware key does; flags as told. */
static void token_reply(struct tally_bytes request, struct tl_buffer *reply)
{
    struct tl_reader reader = tl_reader_over(request);
    uint8_t message[69];
    uint8_t signature[TALLY_SIGNATURE_LEN];
    struct tl_writer writer = tl_writer_over(message, sizeof message);
    (void)tl_read_u8(&reader);
    (void)tl_read_vector32(&reader, FRAME_CAP);
    struct tally_hash hash = tl_sha256(tl_read_vector32(&reader, FRAME_CAP));
    struct tally_hash application = tl_sha256(tl_bytes_text("ssh:"));
    tl_write_bytes(&writer, tl_hash_bytes(&application));
    tl_write_u8(&writer, agent.flags);
    tl_write_u32(&writer, 99);
    tl_write_bytes(&writer, tl_hash_bytes(&hash));
    tl_secret_key_sign(agent.token, tl_bytes(message, writer.len), signature);
    const char *name = tl_key_type_name(TL_KEY_SK_ED25519);
    uint32_t inner_len = (uint32_t)(4 + strlen(name) + 4 + sizeof signature + 5);
    tl_buffer_add_u32(reply, 1 + 4 + inner_len);
    tl_buffer_add_u8(reply, 14);
    tl_buffer_add_u32(reply, inner_len);
    add_string(reply, tl_bytes_text(name));
    add_string(reply, tl_bytes(signature, sizeof signature));
    tl_buffer_add_u8(reply, agent.flags);
    tl_buffer_add_u32(reply, 99);
}

static void identities_reply(struct tl_buffer *reply)
{
    tl_buffer_add_u32(reply, (uint32_t)(1 + 4 + 4 + agent.key.blob_len + 4));
    tl_buffer_add_u8(reply, 12);
    tl_buffer_add_u32(reply, 1);
    add_string(reply, tl_public_key_blob(&agent.key));
    tl_buffer_add_u32(reply, 0);
}

static void answer(int fd)
{
    uint8_t frame[FRAME_CAP];
    size_t len = read_frame(fd, frame);
    if (agent.silent) {
        (void)read_exactly(fd, frame, 1); /* until the client hangs up */
        return;
    }
    struct tl_buffer made;
    (void)pthread_mutex_lock(&answering);
    tl_buffer_init(&made, FRAME_CAP);
    if (agent.token != NULL && len > 0 && frame[0] == 13) {
        token_reply(tl_bytes(frame, len), &made);
    } else if (agent.token != NULL) {
        identities_reply(&made);
    }
    struct tally_bytes reply = tl_buffer_bytes(agent.token != NULL ? &made : &agent.reply);
    while (reply.len > 0) {
        ssize_t sent = send(fd, reply.ptr, reply.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            break;
        }
        reply = tl_bytes(reply.ptr + sent, reply.len - (size_t)sent);
    }
    tl_buffer_deinit(&made);
    (void)pthread_mutex_unlock(&answering);
}

static void *run(void *context)
{
    (void)context;
    for (;;) {
        int fd = accept(agent.listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        answer(fd);
        (void)close(fd);
    }
}

static int start(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_status(tl_ed25519_init(), TALLY_OK);
    memset(&agent, 0, sizeof agent);
    tl_buffer_init(&agent.reply, 1u << 20);
    test_dir_make(agent.dir);
    test_path(agent.path, agent.dir, "agent");
    assert_true(strlen(agent.path) < sizeof address.sun_path);
    memcpy(address.sun_path, agent.path, strlen(agent.path));
    agent.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(agent.listener >= 0);
    assert_int_equal(
        bind(agent.listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(agent.listener, 8), 0);
    assert_int_equal(pthread_create(&agent.thread, NULL, run, NULL), 0);
    const uint8_t point[32] = {5};
    tl_public_key_from_point(point, &agent.key);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    (void)shutdown(agent.listener, SHUT_RDWR);
    assert_int_equal(pthread_join(agent.thread, NULL), 0);
    (void)close(agent.listener);
    tl_buffer_deinit(&agent.reply);
    tl_secret_key_free(&agent.token);
    test_dir_remove(agent.dir);
    return 0;
}

static void set_reply(const char *hex)
{
    uint8_t bytes[FRAME_CAP];
    size_t len = test_unhex(hex, bytes, sizeof bytes);
    lock();
    tl_buffer_clear(&agent.reply);
    tl_buffer_add(&agent.reply, tl_bytes(bytes, len));
    unlock();
}

/* sigsum-go internal/ssh/agent_test.go */
static void test_sign_frame(void **state)
{
    (void)state;
    uint8_t seed[TL_ED25519_SEED_LEN] = {0x11};
    uint8_t expected[128];
    struct tl_secret_key *secret = NULL;
    struct tl_public_key key;
    struct tl_buffer frame;
    size_t len = test_unhex("000000430d000000330000000b7373682d656432353531390000002066e0b858e462a6"
                            "09e66fe71370c816d8846ff103d5499a22a7fec37fdbc424a700000003616263"
                            "00000000",
                            expected, sizeof expected);
    assert_status(tl_secret_key_from_seed(seed, &secret), TALLY_OK);
    tl_public_key_from_point(tl_secret_key_public(secret), &key);
    tl_buffer_init(&frame, 256);
    tl_agent_sign_request(&key, tl_bytes_text("abc"), &frame);
    assert_bytes_equal(tl_buffer_bytes(&frame), tl_bytes(expected, len));
    tl_buffer_deinit(&frame);
    tl_secret_key_free(&secret);
}

static void test_answers_to_list(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum tally_status status;
    } cases[] = {
        {"00000001 05", TALLY_EAGENT},
        {"00000005 0c 00000000", TALLY_EAGENT},
        {"0000000d 0c 00000001 00000000 00000000", TALLY_EAGENT},
        {"0000000e 0c 00000001 00000000 00000000 00", TALLY_EPROTOCOL},
        {"00000009 0c 00000001 00000000", TALLY_EPROTOCOL},
        {"0000000d 0c 00000001 ffffffff 00000000", TALLY_EPROTOCOL},
        {"00000005 0c 00000001", TALLY_EPROTOCOL},
        {"00000009 0c 00000003 ffffffff", TALLY_EPROTOCOL},
        {"00000005 0c 00000801", TALLY_EPROTOCOL},
        {"00000005 0c ffffffff", TALLY_EPROTOCOL},
        {"00000001 0c", TALLY_EPROTOCOL},
        {"00000001 06", TALLY_EPROTOCOL},
        {"00000005 0e 00000000", TALLY_EPROTOCOL},
        {"00000000", TALLY_EPROTOCOL},
        {"00040001 0c", TALLY_EPROTOCOL},
        {"ffffffff 0c", TALLY_EPROTOCOL},
        {"00000005 0c 0000", TALLY_EIO},
        {"0000", TALLY_EIO},
        {"", TALLY_EIO},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        set_reply(cases[i].hex);
        assert_status(tl_agent_find(agent.path, PATIENCE_MS, &agent.key), cases[i].status);
    }
    lock();
    tl_buffer_clear(&agent.reply);
    identities_reply(&agent.reply);
    unlock();
    assert_status(tl_agent_find(agent.path, PATIENCE_MS, &agent.key), TALLY_OK);
    assert_status(tl_agent_read_identities(tl_bytes(NULL, 0), &agent.key), TALLY_EPROTOCOL);
}

/* The key may be any of those that the agent lists. */
static void test_place_in_list(void **state)
{
    (void)state;
    for (unsigned place = 0; place < 3; place++) {
        struct tl_buffer reply;
        tl_buffer_init(&reply, TL_AGENT_FRAME_MAX);
        tl_buffer_add_u8(&reply, 12);
        tl_buffer_add_u32(&reply, 3);
        for (unsigned i = 0; i < 3; i++) {
            add_string(&reply, i == place ? tl_public_key_blob(&agent.key) : tl_bytes_text("x"));
            add_string(&reply, tl_bytes_text("comment"));
        }
        assert_status(tl_agent_read_identities(tl_buffer_bytes(&reply), &agent.key), TALLY_OK);
        tl_buffer_deinit(&reply);
    }
}

static void test_many_identities(void **state)
{
    (void)state;
    for (uint32_t count = TL_AGENT_KEYS_MAX; count <= TL_AGENT_KEYS_MAX + 1; count++) {
        struct tl_buffer reply;
        tl_buffer_init(&reply, TL_AGENT_FRAME_MAX);
        tl_buffer_add_u8(&reply, 12);
        tl_buffer_add_u32(&reply, count);
        for (uint32_t i = 0; i < count; i++) {
            tl_buffer_add_u64(&reply, 0); /* an empty blob, an empty comment */
        }
        assert_status(tl_agent_read_identities(tl_buffer_bytes(&reply), &agent.key),
                      count > TL_AGENT_KEYS_MAX ? TALLY_EPROTOCOL : TALLY_EAGENT);
        tl_buffer_deinit(&reply);
    }
}

static void test_answers_to_sign(void **state)
{
    (void)state;
#define NAME "0000000b 7373682d65643235353139"
#define ZEROS32 "0000000000000000000000000000000000000000000000000000000000000000"
    static const struct {
        const char *hex;
        enum tally_status status;
    } cases[] = {
        {"00000058 0e 00000053" NAME "00000040" ZEROS32 ZEROS32, TALLY_OK},
        {"00000001 05", TALLY_EAGENT},
        {"00000001 06", TALLY_EPROTOCOL},
        {"00000059 0e 00000053" NAME "00000040" ZEROS32 ZEROS32 "00", TALLY_EPROTOCOL},
        {"00000059 0e 00000054" NAME "00000040" ZEROS32 ZEROS32 "00", TALLY_EPROTOCOL},
        {"00000038 0e 00000033" NAME "00000020" ZEROS32, TALLY_EPROTOCOL},
        {"00000058 0e 00000053" NAME "00000041" ZEROS32 ZEROS32, TALLY_EPROTOCOL},
        {"00000058 0e 00000053 0000000b 7373682d65643235353138 00000040" ZEROS32 ZEROS32,
         TALLY_EPROTOCOL},
        {"00000058 0c 00000053" NAME "00000040" ZEROS32 ZEROS32, TALLY_EPROTOCOL},
        {"00000005 0e 00000000", TALLY_EPROTOCOL},
        {"00000005 0e ffffffff", TALLY_EPROTOCOL},
        {"00000058 0e 00000053" NAME, TALLY_EIO},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        struct tl_sshsig sig = {.key = agent.key};
        set_reply(cases[i].hex);
        assert_status(tl_agent_sign(agent.path, PATIENCE_MS, tl_bytes_text("x"), &sig),
                      cases[i].status);
    }
    struct tl_sshsig sig = {.key = agent.key};
    assert_status(tl_agent_read_signature(tl_bytes(NULL, 0), &sig), TALLY_EPROTOCOL);
}

/* What is to be signed is bounded before anything is sent. */
static void test_large_data(void **state)
{
    (void)state;
    static const uint8_t data[TL_AGENT_FRAME_MAX / 2 + 1];
    struct tl_sshsig sig = {.key = agent.key};
    set_reply("00000001 05");
    assert_status(
        tl_agent_sign(agent.path, PATIENCE_MS, tl_bytes(data, sizeof data - 1), &sig),
        TALLY_EAGENT);
    assert_status(tl_agent_sign(agent.path, PATIENCE_MS, tl_bytes(data, sizeof data), &sig),
                  TALLY_ETOOBIG);
}

static void test_deadline(void **state)
{
    (void)state;
    agent.silent = true;
    struct tl_sshsig sig = {.key = agent.key};
    assert_status(tl_agent_find(agent.path, 1, &agent.key), TALLY_ETIMEOUT);
    assert_status(tl_agent_sign(agent.path, 1, tl_bytes_text("x"), &sig), TALLY_ETIMEOUT);
}

static void test_no_agent(void **state)
{
    (void)state;
    char path[TEST_PATH_MAX];
    char long_path[TEST_PATH_MAX];
    test_path(path, agent.dir, "nothing");
    memset(long_path, 'a', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    assert_status(tl_agent_find(path, PATIENCE_MS, &agent.key), TALLY_EAGENT);
    assert_status(tl_agent_find(long_path, PATIENCE_MS, &agent.key), TALLY_EAGENT);
    assert_status(tl_agent_find("", PATIENCE_MS, &agent.key), TALLY_EAGENT);
}

static void put_public_key(const char *path)
{
    char line[TL_KEY_LINE_MAX];
    tl_public_key_to_text(&agent.key, line);
    test_file_put(path, tl_bytes_text(line));
}

static void make_token_key(const uint8_t point[32])
{
    uint8_t blob[128];
    const char *name = tl_key_type_name(TL_KEY_SK_ED25519);
    struct tl_writer writer = tl_writer_over(blob, sizeof blob);
    tl_write_u32(&writer, (uint32_t)strlen(name));
    tl_write_text(&writer, name);
    tl_write_u32(&writer, 32);
    tl_write_bytes(&writer, tl_bytes(point, 32));
    tl_write_u32(&writer, 4);
    tl_write_text(&writer, "ssh:");
    assert_status(tl_public_key_from_blob(tl_bytes(blob, writer.len), &agent.key), TALLY_OK);
}

static void set_token_flags(unsigned flags)
{
    lock();
    agent.flags = (uint8_t)flags;
    unlock();
}

/* A hardware key: touched, not touched, and an agent that signs with another key. */
static void test_hardware_key(void **state)
{
    (void)state;
    uint8_t seed[TL_ED25519_SEED_LEN] = {8};
    char path[TEST_PATH_MAX];
    struct tl_signer *signer = NULL;
    struct tl_buffer blob;
    struct tl_sshsig sig;
    assert_status(tl_secret_key_from_seed(seed, &agent.token), TALLY_OK);
    make_token_key(tl_secret_key_public(agent.token));
    test_path(path, agent.dir, "key.pub");
    put_public_key(path);
    assert_status(tl_signer_open(path, agent.path, &signer), TALLY_OK);
    assert_true(tl_signer_uses_agent(signer));
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    set_token_flags(TL_SSHSIG_FLAG_PRESENT | TL_SSHSIG_FLAG_VERIFIED);
    assert_status(tl_signer_sign(signer, tl_bytes_text("m"), NAMESPACE, &blob), TALLY_OK);
    assert_status(tl_sshsig_decode(tl_buffer_bytes(&blob), NAMESPACE, &sig), TALLY_OK);
    assert_int_equal(sig.flags, agent.flags);
    assert_int_equal(sig.counter, 99);
    assert_int_equal(tl_sshsig_verify(&sig, tl_bytes_text("m"), NAMESPACE), TALLY_REASON_NONE);
    tl_buffer_clear(&blob);
    set_token_flags(TL_SSHSIG_FLAG_VERIFIED);
    assert_status(tl_signer_sign(signer, tl_bytes_text("m"), NAMESPACE, &blob), TALLY_ESIGNATURE);
    set_token_flags(TL_SSHSIG_FLAG_PRESENT);
    seed[0] = 9;
    lock();
    tl_secret_key_free(&agent.token);
    assert_status(tl_secret_key_from_seed(seed, &agent.token), TALLY_OK);
    unlock();
    assert_status(tl_signer_sign(signer, tl_bytes_text("m"), NAMESPACE, &blob), TALLY_ESIGNATURE);
    assert_int_equal(blob.len, 0);
    tl_buffer_deinit(&blob);
    tl_signer_close(signer);
}

static void test_no_memory(void **state)
{
    (void)state;
    uint8_t seed[TL_ED25519_SEED_LEN] = {8};
    char path[TEST_PATH_MAX];
    assert_status(tl_secret_key_from_seed(seed, &agent.token), TALLY_OK);
    make_token_key(tl_secret_key_public(agent.token));
    test_path(path, agent.dir, "key.pub");
    put_public_key(path);
    struct tl_sshsig sig = {.key = agent.key};
    struct tl_signer *signer = NULL;
    /* Each fails before it connects: the stand-in's own allocations are not counted. */
    for (long count = 0; count < 4; count++) {
        /* The file, the signer, the socket's path, the request. */
        test_allocations_limit(count);
        assert_status(tl_signer_open(path, agent.path, &signer), TALLY_ENOMEM);
    }
    test_allocations_limit(0);
    assert_status(tl_agent_find(agent.path, PATIENCE_MS, &agent.key), TALLY_ENOMEM);
    assert_status(tl_agent_sign(agent.path, PATIENCE_MS, tl_bytes_text("x"), &sig), TALLY_ENOMEM);
    (void)test_allocations_unlimit();
    assert_null(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sign_frame, start, stop),
        cmocka_unit_test_setup_teardown(test_answers_to_list, start, stop),
        cmocka_unit_test_setup_teardown(test_place_in_list, start, stop),
        cmocka_unit_test_setup_teardown(test_many_identities, start, stop),
        cmocka_unit_test_setup_teardown(test_answers_to_sign, start, stop),
        cmocka_unit_test_setup_teardown(test_large_data, start, stop),
        cmocka_unit_test_setup_teardown(test_deadline, start, stop),
        cmocka_unit_test_setup_teardown(test_no_agent, start, stop),
        cmocka_unit_test_setup_teardown(test_hardware_key, start, stop),
        cmocka_unit_test_setup_teardown(test_no_memory, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
