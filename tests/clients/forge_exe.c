/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pretends to be another program: in a user namespace of its own, where it has CAP_CHECKPOINT_RESTORE, it
 * exchanges the file that the kernel names as its executable, and then calls.
 *
 *	--pretend P	the file (/usr/bin/true)
 *	--target T	request target (/_ping)
 *	--child P	P SOCKET --target T calls, as its child
 *
 * The kernel wants the old file to be mapped nowhere first: what follows that runs out of a copy of its code
 * and data, and uses nothing else.
 */
#include <linux/prctl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "client.h"

#define OWN_MAPPINGS 16
#define IN_COPY __attribute__((section("forging"), noinline, no_stack_protector))

struct job {
	struct {
		unsigned long start, size;
	} mappings[OWN_MAPPINGS];
	long mapping_count;
	struct prctl_mm_map map;
	int socket;
	struct sockaddr_un address;
	long size;
	char request[1024], answer[1024];
	char child[256];
	const char *child_argv[5], *child_env[1]; /* NULL: it calls itself */
};

static inline __attribute__((always_inline)) long call(long number, long a, long b, long c, long d,
						       long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

/* Exits with 0, or with the number of the step that failed. */
IN_COPY static void forge(struct job *job)
{
	long failed = 0;

	for (long i = 0; i < job->mapping_count; i++)
		if (call(SYS_munmap, (long)job->mappings[i].start, (long)job->mappings[i].size, 0,
			 0, 0))
			failed = 2;
	if (call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&job->map, sizeof(job->map), 0))
		failed = failed ? failed : 3;
	if (!failed && job->child_argv[0]) {
		long child = call(SYS_fork, 0, 0, 0, 0, 0);

		if (!child)
			call(SYS_execve, (long)job->child, (long)job->child_argv,
			     (long)job->child_env, 0, 0);
		if (child <= 0 || call(SYS_wait4, child, 0, 0, 0, 0) != child)
			failed = 7;
		call(SYS_exit_group, failed, 0, 0, 0, 0);
	}
	if (!failed &&
	    call(SYS_connect, job->socket, (long)&job->address, sizeof(job->address), 0, 0))
		failed = 4;
	if (!failed &&
	    call(SYS_write, job->socket, (long)job->request, job->size, 0, 0) != job->size)
		failed = 5;
	if (!failed &&
	    call(SYS_read, job->socket, (long)job->answer, sizeof(job->answer), 0, 0) <= 0)
		failed = 6;
	call(SYS_exit_group, failed, 0, 0, 0, 0);
}

extern const char __start_forging[], __stop_forging[];

/* The mappings of the program's own file. */
static void find_mappings(struct job *job)
{
	char line[4096], own[4096] = "";
	FILE *maps = fopen("/proc/self/maps", "r");

	if (!maps || readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		client_die("/proc/self/maps");
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;

		if (!strstr(line, own) || sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		if (job->mapping_count == OWN_MAPPINGS)
			client_die("too many mappings");
		job->mappings[job->mapping_count].start = start;
		job->mappings[job->mapping_count++].size = end - start;
	}
	fclose(maps);
}

/* As it is, but for the executable. */
static void fill_map(struct prctl_mm_map *map, int exe)
{
	unsigned long long values[52] = {0};
	char text[4096] = "", *at;
	FILE *stat = fopen("/proc/self/stat", "r");

	if (!stat || !fgets(text, sizeof(text), stat))
		client_die("/proc/self/stat");
	fclose(stat);
	at = strrchr(text, ')') + 4; /* behind the state */
	for (int field = 4; field <= 51; field++)
		values[field] = strtoull(at, &at, 10);
	*map = (struct prctl_mm_map){
		.start_code = values[26],
		.end_code = values[27],
		.start_stack = values[28],
		.start_data = values[45],
		.end_data = values[46],
		.start_brk = values[47],
		.brk = (unsigned long)sbrk(0),
		.arg_start = values[48],
		.arg_end = values[49],
		.env_start = values[50],
		.env_end = values[51],
		.exe_fd = (unsigned int)exe,
	};
}

int main(int argc, char **argv)
{
	const char *pretend = client_option(argc, argv, "--pretend", "/usr/bin/true");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	size_t code = (size_t)(__stop_forging - __start_forging);
	size_t offset = (size_t)((const char *)forge - __start_forging);
	char *memory = mmap(NULL, code + sizeof(struct job) + 64,
			    PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct job *job = (struct job *)(memory + (code + 63) / 64 * 64);
	void (*run)(struct job *);
	int exe = open(pretend, O_RDONLY | O_CLOEXEC);

	if (argc < 2 || memory == MAP_FAILED || exe < 0)
		client_die("%s", pretend);
	if (unshare(CLONE_NEWUSER))
		client_die("unshare");
	memcpy(memory, __start_forging, code);
	job->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	job->address.sun_family = AF_UNIX;
	snprintf(job->address.sun_path, sizeof(job->address.sun_path), "%s", argv[1]);
	job->size = snprintf(job->request, sizeof(job->request),
			     "GET %s HTTP/1.1\r\nHost: docker\r\n\r\n", target);
	if (client_option(argc, argv, "--child", NULL)) {
		snprintf(job->child, sizeof(job->child), "%s",
			 client_option(argc, argv, "--child", NULL));
		job->child_argv[0] = job->child;
		job->child_argv[1] = job->address.sun_path;
		job->child_argv[2] = strcpy(job->answer, "--target");
		job->child_argv[3] = job->request;
		snprintf(job->request, sizeof(job->request), "%s", target);
	}
	find_mappings(job);
	fill_map(&job->map, exe);
	run = (void (*)(struct job *))(memory + offset);
	run(job);
	return 1;
}
