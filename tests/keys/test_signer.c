/* SPDX-License-Identifier: ISC */
/* Signing with OpenSSH's own tools on the other side: ssh-keygen both ways, a real ssh-agent. */
#include "tests/support/test.h"

#include <signal.h>
#include <sys/stat.h>

#include "keys/ed25519.h"
#include "keys/signer.h"
#include "keys/sshsig.h"

#define OPENSSH_DIR TALLY_VECTORS_DIR "/outside/openssh/"
#define MESSAGE "This is a test, this is only a test"
#define SKIPPED 77

struct fixture {
    char dir[TEST_PATH_MAX];
    char socket[TEST_PATH_MAX];
    pid_t agent_pid;
};

static struct fixture fixture;

static void path_in(char dst[TEST_PATH_MAX], const char *name)
{
    test_path(dst, fixture.dir, name);
}

/* Runs a program without a terminal; input and output are files of the directory, or NULL. */
static int run(const char *const *arguments, const char *input, const char *output)
{
    char in[TEST_PATH_MAX] = "/dev/null";
    char out[TEST_PATH_MAX] = "/dev/null";
    if (input != NULL) {
        path_in(in, input);
    }
    if (output != NULL) {
        path_in(out, output);
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int in_fd = open(in, O_RDONLY);
        int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int error_fd = open("/dev/null", O_WRONLY);
        if (dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(error_fd, 2) < 0) {
            _exit(126);
        }
        (void)setsid();
        char *copies[16] = {NULL};
        for (size_t i = 0; arguments[i] != NULL && i + 1 < TEST_COUNT(copies); i++) {
            copies[i] = strdup(arguments[i]);
        }
        (void)execvp(copies[0], copies);
        _exit(127);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void copy_in(const char *source, const char *name, mode_t mode)
{
    uint8_t file[4096];
    char path[TEST_PATH_MAX];
    path_in(path, name);
    test_file_put(path, test_file_get(source, file, sizeof file));
    assert_int_equal(chmod(path, mode), 0);
}

static void put_in(const char *name, const char *text, mode_t mode)
{
    char path[TEST_PATH_MAX];
    path_in(path, name);
    test_file_put(path, tl_bytes_text(text));
    assert_int_equal(chmod(path, mode), 0);
}

/* The agent runs in the foreground as a child, and says so once it listens. */
static void start_agent(void)
{
    int said[2];
    assert_int_equal(pipe(said), 0);
    (void)fflush(NULL);
    fixture.agent_pid = fork();
    assert_true(fixture.agent_pid >= 0);
    if (fixture.agent_pid == 0) {
        if (dup2(said[1], 1) < 0) {
            _exit(126);
        }
        (void)close(said[0]);
        (void)close(said[1]);
        (void)execlp("ssh-agent", "ssh-agent", "-D", "-a", fixture.socket, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(close(said[1]), 0);
    char first;
    assert_int_equal(read(said[0], &first, 1), 1);
    assert_int_equal(close(said[0]), 0);
}

/* Waits for the end: until then the agent may remove its socket while the directory is walked. */
static void end_agent(void)
{
    assert_int_equal(kill(fixture.agent_pid, SIGTERM), 0);
    assert_int_equal(waitpid(fixture.agent_pid, NULL, 0), fixture.agent_pid);
    fixture.agent_pid = 0;
}

static int set_up(void **state)
{
    (void)state;
    assert_status(tl_ed25519_init(), TALLY_OK);
    test_dir_make(fixture.dir);
    path_in(fixture.socket, "agent");
    copy_in(OPENSSH_DIR "ed25519_1", "key", 0600);
    copy_in(OPENSSH_DIR "ed25519_1.pub", "key.pub", 0644);
    copy_in(OPENSSH_DIR "ed25519_1_pw", "locked", 0600);
    copy_in(OPENSSH_DIR "ed25519_sk1", "token", 0600);
    copy_in(OPENSSH_DIR "ed25519_sk1.pub", "token.pub", 0644);
    put_in("message", MESSAGE, 0600);
    put_in("askpass", "#!/bin/sh\necho mekmitasdigoat\n", 0700);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (fixture.agent_pid > 0) {
        end_agent();
    }
    test_dir_remove(fixture.dir);
    return 0;
}

static enum tally_status open_signer(const char *name, const char *agent,
                                     struct tl_signer **ret_signer)
{
    char path[TEST_PATH_MAX];
    path_in(path, name);
    return tl_signer_open(path, agent, ret_signer);
}

static void sign_with(const char *name, struct tl_buffer *blob)
{
    struct tl_signer *signer = NULL;
    assert_status(open_signer(name, fixture.socket, &signer), TALLY_OK);
    tl_buffer_init(blob, TL_SSHSIG_BLOB_MAX);
    assert_status(
        tl_signer_sign(signer, tl_bytes_text(MESSAGE), TL_SSHSIG_NAMESPACE, blob), TALLY_OK);
    tl_signer_close(signer);
}

static int keygen_verify(const char *namespace, const char *input)
{
    char signers[TEST_PATH_MAX];
    char signature[TEST_PATH_MAX];
    path_in(signers, "signers");
    path_in(signature, "signature");
    const char *arguments[] = {"ssh-keygen", "-Y", "verify", "-f", signers, "-I", "author",
                               "-n", namespace, "-s", signature, NULL};
    return run(arguments, input, NULL);
}

/* A new key of ssh-keygen's, our signature, ssh-keygen's verdict. */
static void test_keygen_verifies(void **state)
{
    (void)state;
    char path[TEST_PATH_MAX];
    char line[TL_KEY_LINE_MAX + 16];
    char key_text[TL_KEY_LINE_MAX];
    struct tl_buffer blob;
    struct tl_buffer armor;
    struct tl_signer *signer = NULL;
    path_in(path, "new");
    const char *make[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a comment",
                          "-f", path, NULL};
    assert_int_equal(run(make, NULL, NULL), 0);
    assert_status(open_signer("new", NULL, &signer), TALLY_OK);
    assert_false(tl_signer_uses_agent(signer));
    tl_public_key_to_text(tl_signer_key(signer), key_text);
    int len = snprintf(line, sizeof line, "author %s\n", key_text);
    assert_true(len > 0 && (size_t)len < sizeof line);
    put_in("signers", line, 0600);
    tl_signer_close(signer);
    sign_with("new", &blob);
    tl_buffer_init(&armor, 2048);
    tl_sshsig_armor(tl_buffer_bytes(&blob), &armor);
    path_in(path, "signature");
    test_file_put(path, tl_buffer_bytes(&armor));
    assert_int_equal(keygen_verify(TL_SSHSIG_NAMESPACE, "message"), 0);
    assert_int_not_equal(keygen_verify("other@tally", "message"), 0);
    put_in("other", MESSAGE ".", 0600);
    assert_int_not_equal(keygen_verify(TL_SSHSIG_NAMESPACE, "other"), 0);
    tl_buffer_deinit(&armor);
    tl_buffer_deinit(&blob);
}

/* ssh-keygen's signature, our verdict, and the same bytes from us. */
static void test_keygen_signs(void **state)
{
    (void)state;
    char key[TEST_PATH_MAX];
    char message[TEST_PATH_MAX];
    char path[TEST_PATH_MAX];
    uint8_t text[2048];
    struct tl_buffer blob;
    struct tl_buffer ours;
    struct tl_sshsig sig;
    path_in(key, "key");
    path_in(message, "message");
    path_in(path, "message.sig");
    const char *arguments[] = {"ssh-keygen", "-q", "-Y", "sign", "-f", key,
                               "-n", TL_SSHSIG_NAMESPACE, message, NULL};
    assert_int_equal(run(arguments, NULL, NULL), 0);
    tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
    assert_status(tl_sshsig_unarmor(test_file_get(path, text, sizeof text), &blob), TALLY_OK);
    assert_status(tl_sshsig_decode(tl_buffer_bytes(&blob), TL_SSHSIG_NAMESPACE, &sig), TALLY_OK);
    assert_int_equal(tl_sshsig_verify(&sig, tl_bytes_text(MESSAGE), TL_SSHSIG_NAMESPACE),
                     TALLY_REASON_NONE);
    sign_with("key", &ours);
    assert_bytes_equal(tl_buffer_bytes(&ours), tl_buffer_bytes(&blob));
    tl_buffer_deinit(&ours);
    tl_buffer_deinit(&blob);
}

static void agent_add(const char *name)
{
    char path[TEST_PATH_MAX];
    char askpass[TEST_PATH_MAX];
    char auth[TEST_PATH_MAX + 32];
    char ask[TEST_PATH_MAX + 32];
    path_in(path, name);
    path_in(askpass, "askpass");
    (void)snprintf(auth, sizeof auth, "SSH_AUTH_SOCK=%s", fixture.socket);
    (void)snprintf(ask, sizeof ask, "SSH_ASKPASS=%s", askpass);
    const char *arguments[] = {"env", auth, ask, "SSH_ASKPASS_REQUIRE=force", "ssh-add", "-q",
                               path, NULL};
    assert_int_equal(run(arguments, NULL, NULL), 0);
}

static void agent_forget(void)
{
    char auth[TEST_PATH_MAX + 32];
    (void)snprintf(auth, sizeof auth, "SSH_AUTH_SOCK=%s", fixture.socket);
    const char *arguments[] = {"env", auth, "ssh-add", "-q", "-D", NULL};
    assert_int_equal(run(arguments, NULL, NULL), 0);
}

/* The agent, asked by the public key file, signs the same bytes as the file does. */
static void test_agent_signs(void **state)
{
    (void)state;
    struct tl_buffer by_file;
    struct tl_buffer by_agent;
    struct tl_signer *signer = NULL;
    start_agent();
    assert_status(open_signer("key.pub", fixture.socket, &signer), TALLY_EAGENT);
    agent_add("key");
    sign_with("key", &by_file);
    sign_with("key.pub", &by_agent);
    assert_bytes_equal(tl_buffer_bytes(&by_agent), tl_buffer_bytes(&by_file));
    tl_buffer_deinit(&by_agent);
    /* Through the environment. */
    assert_int_equal(setenv("SSH_AUTH_SOCK", fixture.socket, 1), 0);
    assert_status(open_signer("key.pub", NULL, &signer), TALLY_OK);
    assert_true(tl_signer_uses_agent(signer));
    assert_int_equal(unsetenv("SSH_AUTH_SOCK"), 0);
    /* The agent may forget a key, or end. */
    agent_forget();
    tl_buffer_clear(&by_file);
    assert_status(
        tl_signer_sign(signer, tl_bytes_text(MESSAGE), TL_SSHSIG_NAMESPACE, &by_file),
        TALLY_EAGENT);
    assert_int_equal(by_file.len, 0);
    assert_int_equal(unlink(fixture.socket), 0);
    assert_status(
        tl_signer_sign(signer, tl_bytes_text(MESSAGE), TL_SSHSIG_NAMESPACE, &by_file),
        TALLY_EAGENT);
    tl_signer_close(signer);
    tl_buffer_deinit(&by_file);
}

static void test_encrypted_file(void **state)
{
    (void)state;
    struct tl_signer *signer = NULL;
    struct tl_buffer by_file;
    struct tl_buffer by_agent;
    assert_status(open_signer("locked", NULL, &signer), TALLY_EENCRYPTED);
    assert_status(open_signer("locked", fixture.socket, &signer), TALLY_EENCRYPTED);
    start_agent();
    assert_status(open_signer("locked", fixture.socket, &signer), TALLY_EENCRYPTED);
    agent_add("locked");
    sign_with("locked", &by_agent);
    sign_with("key", &by_file);
    assert_bytes_equal(tl_buffer_bytes(&by_agent), tl_buffer_bytes(&by_file));
    tl_buffer_deinit(&by_agent);
    tl_buffer_deinit(&by_file);
}

static void test_refused(void **state)
{
    (void)state;
    struct tl_signer *signer = NULL;
    char path[TEST_PATH_MAX];
    assert_status(open_signer("absent", NULL, &signer), TALLY_ENOTFOUND);
    assert_status(open_signer("message", NULL, &signer), TALLY_EFORMAT);
    assert_status(open_signer("key.pub", NULL, &signer), TALLY_EAGENT);
    assert_status(open_signer("key.pub", "", &signer), TALLY_EAGENT);
    assert_status(open_signer("token", NULL, &signer), TALLY_EAGENT);
    assert_status(open_signer("token.pub", NULL, &signer), TALLY_EAGENT);
    copy_in(OPENSSH_DIR "rsa_1", "rsa", 0600);
    copy_in(OPENSSH_DIR "sshsig_rsa.pub", "rsa.pub", 0644);
    assert_status(open_signer("rsa", NULL, &signer), TALLY_EUNSUPPORTED);
    assert_status(open_signer("rsa.pub", NULL, &signer), TALLY_EUNSUPPORTED);
    path_in(path, "key");
    assert_int_equal(chmod(path, 0644), 0);
    assert_status(open_signer("key", NULL, &signer), TALLY_EACCES);
    assert_null(signer);
    tl_signer_close(NULL);
}

static void test_no_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (long count = 0; failed; count++) {
        struct tl_signer *signer = NULL;
        struct tl_buffer blob;
        tl_buffer_init(&blob, TL_SSHSIG_BLOB_MAX);
        test_allocations_limit(count);
        enum tally_status status = open_signer("key", NULL, &signer);
        if (status == TALLY_OK) {
            status = tl_signer_sign(signer, tl_bytes_text(MESSAGE), TL_SSHSIG_NAMESPACE, &blob);
        }
        failed = status != TALLY_OK;
        (void)test_allocations_unlimit();
        assert_status(status, failed ? TALLY_ENOMEM : TALLY_OK);
        tl_buffer_deinit(&blob);
        tl_signer_close(signer);
        assert_true(count < 20);
    }
}

int main(void)
{
    const char *probe[] = {"ssh-add", "-h", NULL};
    if (run(probe, NULL, NULL) == 127) {
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keygen_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keygen_signs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_agent_signs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encrypted_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
