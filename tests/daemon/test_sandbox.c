/* SPDX-License-Identifier: ISC */
/*
 * What the sandbox forbids, tried by processes that have put it on; the same is tried without, to
 * show that nothing but the sandbox forbids it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/landlock.h"
#include "daemon/syscall_filter.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { EXIT_NOT_APPLIED = 200 };

static pid_t parent; /* of the processes that try */

/* ---- System calls ---- */

static long page_of(void)
{
    return (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long do_execve(void)
{
    char *const none[] = {NULL};
    return syscall(SYS_execve, "/bin/true", none, none);
}

static long do_fork(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        _exit(0);
    }
    return pid;
}

static int end_at_once(void *argument)
{
    (void)argument;
    return 0;
}

/* As posix_spawn makes one: a process, though it shares the memory. */
static long do_spawn(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    return clone(end_at_once, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
}

static long do_socket_inet(void)
{
    return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static long do_socket_unix(void)
{
    return syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
}

static long do_connect(void)
{
    return syscall(SYS_connect, -1, NULL, 0);
}

static long do_bind(void)
{
    return syscall(SYS_bind, -1, NULL, 0);
}

static long do_sendto_address(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    return syscall(SYS_sendto, -1, "x", 1, 0, &address, sizeof address);
}

static long do_sendmsg(void)
{
    return syscall(SYS_sendmsg, -1, NULL, 0);
}

static long do_ptrace(void)
{
    return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
}

static long do_read_memory(void)
{
    return syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0);
}

static long do_kill(void)
{
    return syscall(SYS_kill, parent, 0);
}

static long do_tgkill(void)
{
    return syscall(SYS_tgkill, parent, parent, 0);
}

static long do_mmap_code(void)
{
    return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long do_mprotect_code(void)
{
    return syscall(SYS_mprotect, page_of(), 4096, PROT_READ | PROT_EXEC);
}

static long do_unshare(void)
{
    return syscall(SYS_unshare, 0);
}

static long do_setuid(void)
{
    return syscall(SYS_setuid, getuid());
}

static long do_prctl(void)
{
    return syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static long do_prlimit(void)
{
    struct rlimit limit = {0, 0};
    return syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL);
}

static long do_ioctl(void)
{
    return syscall(SYS_ioctl, 0, TIOCGWINSZ, NULL);
}

static long do_chmod(void)
{
    return syscall(SYS_fchmodat, AT_FDCWD, "", 0600);
}

static long do_mkdir(void)
{
    return syscall(SYS_mkdirat, AT_FDCWD, "", 0700);
}

static long do_mount(void)
{
    return syscall(SYS_mount, NULL, "", NULL, 0, NULL);
}

static long do_keyctl(void)
{
    return syscall(SYS_keyctl, -1);
}

static long do_bpf(void)
{
    return syscall(SYS_bpf, -1, NULL, 0);
}

static long do_memfd(void)
{
    return syscall(SYS_memfd_create, "x", 0);
}

struct call {
    const char *name;
    long (*make)(void);
};

static const struct call forbidden[] = {
    {"execve", do_execve},
    {"fork", do_fork},
    {"spawn", do_spawn},
    {"socket, network", do_socket_inet},
    {"socket, Unix", do_socket_unix},
    {"connect", do_connect},
    {"bind", do_bind},
    {"sendto with an address", do_sendto_address},
    {"sendmsg", do_sendmsg},
    {"ptrace", do_ptrace},
    {"process_vm_readv", do_read_memory},
    {"kill", do_kill},
    {"tgkill of another", do_tgkill},
    {"mmap of code", do_mmap_code},
    {"mprotect to code", do_mprotect_code},
    {"unshare", do_unshare},
    {"setuid", do_setuid},
    {"prctl", do_prctl},
    {"prlimit", do_prlimit},
    {"ioctl of a terminal", do_ioctl},
    {"chmod", do_chmod},
    {"mkdir", do_mkdir},
    {"mount", do_mount},
    {"keyctl", do_keyctl},
    {"bpf", do_bpf},
    {"memfd_create", do_memfd},
};

/* A sanitizer asks for its stack when a function does not return. */
#ifdef TALLY_SANITIZED
static const int more[] = {SYS_sigaltstack};
enum { MORE_COUNT = 1 };
#else
static const int *const more = NULL;
enum { MORE_COUNT = 0 };
#endif

static size_t filter(void)
{
    size_t allowed = 0;
    if (tl_syscall_filter_load(more, MORE_COUNT, &allowed) != TALLY_OK) {
        _exit(EXIT_NOT_APPLIED);
    }
    return allowed;
}

/* How a process ends that makes the call. */
static int end_of(const struct call *call, bool filtered)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (filtered) {
            (void)filter();
        }
        (void)call->make();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_forbidden_calls_end_the_process(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forbidden); i++) {
        int filtered = end_of(&forbidden[i], true);
        int free = end_of(&forbidden[i], false);
        if (!WIFSIGNALED(filtered) || WTERMSIG(filtered) != SIGSYS || free != 0) {
            fail_msg("%s: %d in the filter, %d outside", forbidden[i].name, filtered, free);
        }
    }
}

static long is_enosys(long result)
{
    return result == -1 && errno == ENOSYS ? 0 : 1;
}

static long do_degrading(void)
{
    _exit((int)(is_enosys(syscall(SYS_clone3, NULL, 0)) +
                is_enosys(syscall(SYS_io_uring_setup, 0, NULL))));
}

static void test_some_calls_are_of_a_later_kernel(void **state)
{
    const struct call call = {"clone3, io_uring_setup", do_degrading};
    (void)state;
    assert_int_equal(end_of(&call, true), 0);
    assert_int_not_equal(end_of(&call, false), 0);
}

static long do_abort(void)
{
    abort();
}

/* An assertion must still end the process as one. */
static void test_abort_is_abort(void **state)
{
    const struct call call = {"abort", do_abort};
    (void)state;
    int status = end_of(&call, true);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

#ifdef __x86_64__
/* getpid of the 32-bit interface, whose numbers are others. */
static long do_other_interface(void)
{
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result;
}

/* Where the kernel has that interface at all. */
static void test_no_way_round_the_list(void **state)
{
    const struct call call = {"int 0x80", do_other_interface};
    (void)state;
    if (end_of(&call, false) != 0) {
        skip();
    }
    int status = end_of(&call, true);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}
#endif

static long do_count(void)
{
    _exit((int)filter());
}

/* docs/threat-model.md names the number. */
static void test_number_of_calls(void **state)
{
    const struct call call = {"count", do_count};
    (void)state;
    int status = end_of(&call, false);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 59 + MORE_COUNT);
}

/* ---- Landlock ---- */

/* data, data/exhibits, data/exhibits/incoming, outside; a file "file" in each. */
static char root[] = "/tmp/tally-sandbox-XXXXXX";

static int open_close(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? errno : close(fd);
}

static int result(int value)
{
    return value == 0 ? 0 : errno;
}

static int read_foreign(void)
{
    return open_close("/etc/passwd", O_RDONLY);
}

static int read_outside(void)
{
    return open_close("outside/file", O_RDONLY);
}

static int write_outside(void)
{
    return open_close("outside/file", O_WRONLY);
}

static int make_outside(void)
{
    return open_close("outside/new", O_WRONLY | O_CREAT | O_EXCL);
}

static int list_outside(void)
{
    return open_close("outside", O_RDONLY | O_DIRECTORY);
}

static int remove_outside(void)
{
    return result(unlink("outside/file"));
}

static int read_data(void)
{
    return open_close("data/file", O_RDONLY);
}

static int mkdir_data(void)
{
    return result(mkdir("data/new", 0700));
}

static int symlink_data(void)
{
    return result(symlink("/etc/passwd", "data/new"));
}

static int move_out(void)
{
    return result(rename("data/exhibits/file", "outside/new"));
}

static int truncate_exhibit(void)
{
    return result(truncate("data/exhibits/file", 0));
}

static int listen_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return result(bind(fd, (const struct sockaddr *)&address, sizeof address));
}

static int signal_parent(void)
{
    return result(kill(parent, 0));
}

static int make_data(void)
{
    return open_close("data/new", O_WRONLY | O_CREAT | O_EXCL);
}

static int replace_data(void)
{
    return result(rename("data/file", "data/new"));
}

static int list_data(void)
{
    return open_close("data", O_RDONLY | O_DIRECTORY);
}

static int read_exhibit(void)
{
    return open_close("data/exhibits/file", O_RDONLY);
}

static int move_in(void)
{
    return result(rename("data/exhibits/incoming/file", "data/exhibits/new"));
}

static int remove_socket(void)
{
    return result(unlink("sockets/file"));
}

static int read_socket_directory(void)
{
    return open_close("sockets/file", O_RDONLY);
}

struct deed {
    const char *name;
    int (*make)(void); /* an errno, 0 when it was done */
    unsigned abi;      /* from which on it is forbidden */
    int error;         /* 0: it is allowed */
};

static const struct deed deeds[] = {
    {"read a foreign file", read_foreign, 1, EACCES},
    {"read outside", read_outside, 1, EACCES},
    {"write outside", write_outside, 1, EACCES},
    {"make outside", make_outside, 1, EACCES},
    {"list outside", list_outside, 1, EACCES},
    {"remove outside", remove_outside, 1, EACCES},
    {"read data", read_data, 1, EACCES},
    {"make a directory", mkdir_data, 1, EACCES},
    {"make a link", symlink_data, 1, EACCES},
    {"move out", move_out, 1, EACCES},
    {"read beside a socket", read_socket_directory, 1, EACCES},
    {"cut off", truncate_exhibit, 3, EACCES},
    {"bind a port", listen_tcp, 4, EACCES},
    {"signal another", signal_parent, 6, EPERM},
    {"make in data", make_data, 0, 0},
    {"replace in data", replace_data, 0, 0},
    {"list data", list_data, 0, 0},
    {"read an exhibit", read_exhibit, 0, 0},
    {"move in", move_in, 0, 0},
    {"remove a socket", remove_socket, 0, 0},
};

static void put_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void clean(void)
{
    (void)unlink("outside/new");
    (void)unlink("data/new");
    (void)rmdir("data/new");
    (void)unlink("data/exhibits/new");
}

static void put_files(void)
{
    clean();
    put_file("outside/file");
    put_file("sockets/file");
    put_file("data/file");
    put_file("data/exhibits/file");
    put_file("data/exhibits/incoming/file");
}

static int outcome_of(const struct deed *deed, unsigned abi)
{
    static const struct tl_landlock_rule rules[] = {
        {"data", TL_LANDLOCK_KEEP},
        {"data/exhibits", TL_LANDLOCK_KEEP | TL_LANDLOCK_READ | TL_LANDLOCK_MOVE},
        {"sockets", TL_LANDLOCK_REMOVE},
    };
    int status = 0;
    put_files();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (abi > 0 && tl_landlock_restrict(abi, rules, COUNT(rules)) != TALLY_OK) {
            _exit(EXIT_NOT_APPLIED);
        }
        _exit(deed->make());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Every ABI that the kernel can play: an old kernel's rules are put on by a new one too. */
static void test_landlock(void **state)
{
    unsigned newest = tl_landlock_abi();
    (void)state;
    if (newest < TL_LANDLOCK_ABI_MIN) {
        skip();
    }
    for (unsigned abi = TL_LANDLOCK_ABI_MIN; abi <= newest; abi++) {
        for (size_t i = 0; i < COUNT(deeds); i++) {
            int expected = abi >= deeds[i].abi ? deeds[i].error : 0;
            int inside = outcome_of(&deeds[i], abi);
            int outside = outcome_of(&deeds[i], 0);
            if (inside != expected || outside != 0) {
                fail_msg("%s: %d under ABI %u, %d outside", deeds[i].name, inside, abi, outside);
            }
        }
    }
}

static void test_rule_without_directory(void **state)
{
    static const struct tl_landlock_rule missing = {"missing", TL_LANDLOCK_READ};
    unsigned abi = tl_landlock_abi();
    (void)state;
    if (abi < TL_LANDLOCK_ABI_MIN) {
        skip();
    }
    assert_int_equal(tl_landlock_restrict(abi, &missing, 1), TALLY_ENOTFOUND);
    assert_int_equal(read_foreign(), 0);
}

static int set_up(void **state)
{
    (void)state;
    parent = getpid();
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || mkdtemp(root) == NULL ||
           chdir(root) != 0 || mkdir("data", 0700) != 0 || mkdir("data/exhibits", 0700) != 0 ||
           mkdir("data/exhibits/incoming", 0700) != 0 || mkdir("sockets", 0700) != 0 ||
           mkdir("outside", 0700) != 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {
        "data/exhibits/incoming/file", "data/exhibits/incoming", "data/exhibits/file",
        "data/exhibits", "data/file", "data", "sockets/file", "sockets", "outside/file",
        "outside",
    };
    (void)state;
    clean();
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)remove(names[i]);
    }
    return rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden_calls_end_the_process),
        cmocka_unit_test(test_some_calls_are_of_a_later_kernel),
        cmocka_unit_test(test_abort_is_abort),
#ifdef __x86_64__
        cmocka_unit_test(test_no_way_round_the_list),
#endif
        cmocka_unit_test(test_number_of_calls),
        cmocka_unit_test(test_landlock),
        cmocka_unit_test(test_rule_without_directory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
