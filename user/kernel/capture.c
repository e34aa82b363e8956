// SPDX-License-Identifier: Apache-2.0
#include "kernel/capture.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "kernel/attach.h"
#include "kernel/pins.h"
#include "kernel/takeover.h"
#include "kernel/variable_names.h"
#include "kernel/walk.h"
#include "tracepoint.skel.h"
#include "trampoline.skel.h"

#define LINKS_MAX 24
#define READ_MAX (1u << 20)   /* bytes of payload that are read at a time */
#define IMAGES_MIN (1u << 14) /* processes */
#define IMAGES_MAX (1u << 20)
#define STUCK_MAX (500 * NS_PER_MS)   /* that a caller is waited for */
#define ATTACH_CGROUP_UNIX_CONNECT 49 /* BPF_CGROUP_UNIX_CONNECT, Linux 6.7 (859051dd165e) */

/* How a backend is built from its programs. */
struct backend {
	enum capture_backend id;
	const char *name;
	const char *needs; /* for a person: the kernels that can load it */
	const void *(*object)(size_t *size);
};

static const struct backend backends[] = {
	{CAPTURE_TRAMPOLINE, "trampoline",
	 "BTF and BPF trampolines (Linux 5.17 or later, not under kernel lockdown)",
	 trampoline_bpf__elf_bytes},
	{CAPTURE_TRACEPOINT, "tracepoint", "BTF and cgroup/connect_unix (Linux 6.7 or later)",
	 tracepoint_bpf__elf_bytes},
};

/* A ring of the kernel programs, and the position up to which it is to be read. */
struct ring {
	struct ring_buffer *buffer;
	const uint64_t *consumed, *produced; /* positions, which the kernel and libbpf move */
	uint64_t position, end;
	bool limited; /* no more than READ_MAX at a time */
};

struct capture {
	const struct backend *backend;
	struct capture_options options;
	struct bpf_object *object;
	struct pins *pins; /* NULL: nothing outlives the agent */
	struct sentence unpinned;
	enum capture_beginning beginning;
	struct takeover_left left;
	uint64_t left_last;
	uint64_t left_at;		   /* capture_left_at() */
	struct bpf_link *links[LINKS_MAX]; /* NULL: it was taken over */
	/* of the links, and of the programs that they run */
	int link_fds[LINKS_MAX], program_fds[LINKS_MAX];
	const char *program_names[LINKS_MAX]; /* the object's */
	unsigned int link_count;
	struct ring rings[CALLERD_RINGS], left_rings[CALLERD_RINGS], *reading;
	bool drained;	      /* once */
	uint64_t stuck_since; /* ns of CLOCK_MONOTONIC; 0: no caller is waited for */
	uint64_t lost_before[CALLERD_LOSS_MAX], missed_before; /* told by earlier agents */
	int counting; /* has the kernel count the runs of programs; negative: it does not */
	struct accounts *accounts;
	struct actors *actors;
	struct callerd_control *control;
	struct bpf_link *living, *living_tcp, *processes;
	int images, arguments, long_arguments;
	unsigned int kept_count[2]; /* entries of .kept_senders: no fewer than there are */
	int totals, handed, handed_http2, kept_senders[2], sessions, connections, kept_sockets,
		muted, living_ids, unseen, losses;
	struct watches *watches;
	struct doors doors;
};

#define SESSIONS_LOOKED_AT                                                                         \
	16384 /* at a time: more than there are, as some may come and go meanwhile */

/* The first warning of libbpf gives the reason of a failed load; later ones only repeat that it
 * failed. */
static char first_warning[512];

__attribute__((format(printf, 2, 0))) static int keep_warning(enum libbpf_print_level level,
							      const char *format, va_list args)
{
	char line[1 << 16];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (getenv("CALLERD_DEBUG_LIBBPF"))
		fprintf(stderr, "%s\n", line);
	if (!first_warning[0])
		snprintf(first_warning, sizeof(first_warning), "%s",
			 line + (strncmp(line, "libbpf: ", 8) ? 0 : 8));
	return 0;
}

static int capture_on_event(void *context, void *event, size_t size)
{
	struct capture *capture = context;

	struct ring *ring = capture->reading;

	capture->options.event(capture->options.data, event, size);
	ring->position += (size + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
	return ring->position < ring->end ? 0 : -EAGAIN;
}

/* --- load ------------------------------------------------------------------------------------ */

static uint32_t capture_own_namespace(const char *path)
{
	struct stat info;

	return stat(path, &info) ? 0 : info.st_ino;
}

/* Finds the map of a section of global variables. */
static struct bpf_map *capture_section(struct bpf_object *object, const char *name)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, object)
		if (strstr(bpf_map__name(map), name))
			return map;
	return NULL;
}

static int settings_map(struct bpf_object *object, const struct callerd_settings *settings)
{
	struct bpf_map *map = capture_section(object, ".settings");

	return map ? bpf_map__set_initial_value(map, settings, sizeof(*settings)) : -EINVAL;
}

static struct callerd_control *map_control(struct bpf_object *object)
{
	struct bpf_map *map = capture_section(object, ".control");
	void *memory = MAP_FAILED;

	if (map)
		memory = mmap(NULL, sizeof(struct callerd_control), PROT_READ | PROT_WRITE,
			      MAP_SHARED, bpf_map__fd(map), 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static uint64_t hash_sockets(const char *const *sockets, bool grows)
{
	uint64_t hash = HASH_START;

	for (; sockets && *sockets; sockets++)
		hash = hash_add(hash, *sockets, strlen(*sockets) + 1);
	return grows ? hash_add(hash, "+", 1) : hash;
}

/* Sets what the kernel programs share with the agent before they run: what an earlier agent left
 * goes on, but for what belongs to its maps. */
static int set_control(struct capture *capture)
{
	struct bpf_map *map = capture_section(capture->object, ".control");
	struct callerd_control control = {0};
	const struct callerd_control *initial;
	size_t size;

	initial = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!initial || size != sizeof(control))
		return -EINVAL;
	if (capture->left.readable) {
		control.last_connection = capture->left.control.last_connection;
		control.last_image = capture->left.control.last_image;
		control.legacy = capture->left.control.legacy;
		memset(control.legacy.lost, 0, sizeof(control.legacy.lost));
		control.legacy.missed = 0;
	}
	control.magic = initial->magic;
	control.layout = initial->layout;
	control.sockets = hash_sockets(capture->options.sockets, capture->options.grows);
	control.beat = clock_now(CLOCK_MONOTONIC);
	control.away_limit = capture->options.away_limit;
	return bpf_map__set_initial_value(map, &control, sizeof(control));
}

static uint64_t random_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uintptr_t)random_seed; /* the address space is random, too */
	return seed;
}

/* The number in the file at PATH; where that cannot be read, a large one. */
static unsigned long kernel_limit(const char *path)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[24] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return ULONG_MAX;
	return strtoul(text, NULL, 10);
}

/* How many processes there can be, as a power of two: the table of images has room for each, and takes memory for as many. */
static uint32_t images_size(void)
{
	unsigned long threads = kernel_limit("/proc/sys/kernel/threads-max"),
		      pids = kernel_limit("/proc/sys/kernel/pid_max");
	uint32_t size = IMAGES_MIN;

	while (size < IMAGES_MAX && size < threads && size < pids)
		size *= 2;
	return size;
}

bool capture_has_labels(void)
{
	_close_ int fd = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
	char first;

	return fd >= 0 && read(fd, &first, 1) > 0;
}

static int capture_configure(struct capture *capture)
{
	const struct capture_options *options = &capture->options;
	struct callerd_settings settings = {
		.request_budget = options->request_budget,
		.response_budget = options->response_budget,
		.seed = random_seed(),
		.own_calls = options->own_calls,
		.agent_net_ns = capture_own_namespace("/proc/self/ns/net"),
		.agent_mnt_ns = capture_own_namespace("/proc/self/ns/mnt"),
		.wake_level = options->callers_size / 4,
		.variables = variable_names_count(),
		.labels = capture_has_labels(),
		.ring_size = {options->callers_size, options->payload_size},
	};
	struct bpf_program *program;
	int error = settings_map(capture->object, &settings) ?: set_control(capture);

	program = bpf_object__find_program_by_name(capture->object, "connect_begin");
	if (program)
		bpf_program__set_expected_attach_type(program, ATTACH_CGROUP_UNIX_CONNECT);
#define SIZE(name, value)                                                                          \
	(error = error                                                                             \
			 ?: bpf_map__set_max_entries(                                              \
				    bpf_object__find_map_by_name(capture->object, name), value))
	SIZE("callers", options->callers_size);
	SIZE("payload", options->payload_size);
	SIZE("connections", options->connections);
	SIZE("muted", options->connections);
	SIZE("handed", options->connections);
	SIZE("living_ids", options->connections);
	SIZE("images", images_size());
#undef SIZE
	return error;
}

/* Whether the kernel takes a program at the entry of a function that all kernels have: 0 or -errno. To load all programs
 * takes a kernel some hundred milliseconds, before it comes to the first that it refuses. */
static int probe_trampoline(const struct btf *kernel)
{
	static const struct bpf_insn nothing[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
						  {.code = BPF_JMP | BPF_EXIT}};
	int id = btf__find_by_name_kind(kernel, "security_unix_stream_connect", BTF_KIND_FUNC);
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = id);
	_close_ int fd = -1;

	if (id <= 0)
		return 0; /* then loading tells why */
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", nothing, COUNT(nothing),
			   &options);
	if (fd < 0)
		snprintf(first_warning, sizeof(first_warning), "no program at a function's entry");
	return fd < 0 ? fd : 0;
}

/* Leaves out what is for ports of engines, on the trampoline backend: the other one has one program for sockets of all kinds. */
static void leave_out_tcp(struct capture *capture)
{
	static const char *const programs[] = {"mark_listener",	 "living_tcp",	 "on_tcp_begin",
					       "on_tcp_change",	 "tcp_send_end", "tcp_page_end",
					       "tcp_receive_end"};
	static const char *const maps[] = {"tcp_marks", "tcp_callers", "tcp_connected"};

	if (!bpf_object__find_program_by_name(capture->object, "tcp_receive_end"))
		return;
	for (size_t i = 0; i < COUNT(programs); i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(capture->object, programs[i]), false);
	for (size_t i = 0; i < COUNT(maps); i++)
		bpf_map__set_autocreate(bpf_object__find_map_by_name(capture->object, maps[i]),
					false);
}

/* Before Linux 5.19 tcp_recvmsg() has one more parameter, before the flags. */
static bool knows_tcp(const struct btf *kernel)
{
	int id = btf__find_by_name_kind(kernel, "tcp_recvmsg", BTF_KIND_FUNC);
	const struct btf_type *function = id > 0 ? btf__type_by_id(kernel, (uint32_t)id) : NULL;

	return function && btf_vlen(btf__type_by_id(kernel, function->type)) == 5;
}

/* Leaves out programs on optional functions that this kernel does not have. */
static int choose_functions(struct capture *capture)
{
	static const struct {
		const char *program, *function;
	} optional[] = {
		{"page_begin", "unix_stream_sendpage"}, /* before Linux 6.5 */
		{"page_end", "unix_stream_sendpage"},
		{"path_found", "kern_path"},
		{"tcp_page_end", "tcp_sendpage"}, /* before Linux 6.5 */
	};
	struct btf *kernel = NULL; /* to read it takes a while */
	int error = 0;

	for (size_t i = 0; i < COUNT(optional); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(capture->object, optional[i].program);

		if (!program)
			continue;
		if (!kernel) {
			kernel = btf__load_vmlinux_btf();
			error = kernel ? probe_trampoline(kernel) : 0;
		}
		if (!kernel ||
		    btf__find_by_name_kind(kernel, optional[i].function, BTF_KIND_FUNC) <= 0)
			bpf_program__set_autoload(program, false);
	}
	/* The verifier has as much to do with what is for ports as with two fifths of all else. */
	if (kernel && (!capture->options.ports || !knows_tcp(kernel)))
		leave_out_tcp(capture);
	btf__free(kernel);
	return error;
}

/* Leaves out the programs that this kernel does not support. All others must load. */
static int choose_programs(struct capture *capture)
{
	struct bpf_program *lsm, *function;
	char active[256] = "";
	FILE *file = fopen("/sys/kernel/security/lsm", "re");

	lsm = bpf_object__find_program_by_name(capture->object, "connect_lsm");
	function = bpf_object__find_program_by_name(capture->object, "connect_function");
	if (file) {
		if (!fgets(active, sizeof(active), file))
			active[0] = '\0';
		fclose(file);
	}
	if (!lsm || !function)
		return 0;
	/* With both programs each connect would be reported twice. The LSM program is preferred:
	 * the kernel never skips it as re-entered. */
	bpf_program__set_autoload(strstr(active, "bpf") ? function : lsm, false);
	return choose_functions(capture);
}

static int map_fd(struct capture *capture, const char *name)
{
	return bpf_object__find_map_fd_by_name(capture->object, name);
}

static size_t map_value_size(const struct capture *capture, const char *name)
{
	return bpf_map__value_size(bpf_object__find_map_by_name(capture->object, name));
}

static const uint64_t *map_position(int fd, uint64_t page)
{
	size_t size = sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, page * size);

	return memory == MAP_FAILED ? NULL : memory;
}

static int open_ring(struct capture *capture, struct ring *ring, int fd)
{
	ring->buffer = ring_buffer__new(fd, capture_on_event, capture, NULL);
	ring->consumed = map_position(fd, 0);
	ring->produced = map_position(fd, 1);
	return ring->buffer && ring->consumed && ring->produced ? 0 : -ENOMEM;
}

static void close_ring(struct ring *ring)
{
	size_t size = sysconf(_SC_PAGESIZE);

	ring_buffer__free(ring->buffer);
	if (ring->consumed)
		munmap((void *)ring->consumed, size);
	if (ring->produced)
		munmap((void *)ring->produced, size);
}

static int capture_find_parts(struct capture *capture)
{
	int error;

	capture->handed = map_fd(capture, "handed");
	capture->handed_http2 = map_fd(capture, "handed_http2");
	capture->kept_senders[0] = map_fd(capture, "kept_senders");
	capture->kept_senders[1] = map_fd(capture, "kept_large_senders");
	capture->kept_sockets = map_fd(capture, "kept_sockets");
	capture->muted = map_fd(capture, "muted");
	capture->sessions = map_fd(capture, "sessions");
	capture->connections = map_fd(capture, "connections");
	capture->living_ids = map_fd(capture, "living_ids");
	capture->unseen = map_fd(capture, "unseen");
	capture->losses = map_fd(capture, "losses");
	capture->images = map_fd(capture, "images");
	capture->arguments = map_fd(capture, "arguments");
	capture->long_arguments = map_fd(capture, "long_arguments");
	capture->control = map_control(capture->object);
	capture->accounts =
		accounts_new(map_fd(capture, "accounts"), map_fd(capture, "special_accounts"),
			     map_fd(capture, "told"));
	capture->totals =
		bpf_program__fd(bpf_object__find_program_by_name(capture->object, "totals"));
	if (capture->totals < 0 || !capture->control || !capture->accounts)
		return -ENOMEM;
	doors_init(&capture->doors, capture->object, capture->control);
	error = watches_new(capture->object, capture->control, &capture->watches);
	if (error)
		return error;
	error = actors_new(
		bpf_object__find_program_by_name(capture->object, "actor"),
		bpf_program__fd(bpf_object__find_program_by_name(capture->object, "queue")),
		map_fd(capture, "departures"), capture->control, &capture->actors);
	if (error)
		return error;
	capture->rings[CALLERD_RING_PAYLOAD].limited = true;
	return open_ring(capture, &capture->rings[CALLERD_RING_CALLERS], map_fd(capture, "callers"))
		       ?: open_ring(capture, &capture->rings[CALLERD_RING_PAYLOAD],
				    map_fd(capture, "payload"));
}

/* Sets what is to be known of the time before this agent. */
static void note_legacy(struct capture *capture)
{
	const struct callerd_legacy *legacy = &capture->control->legacy;

	memcpy(capture->lost_before, legacy->lost, sizeof(legacy->lost));
	capture->missed_before = legacy->missed;
	if (capture->beginning != CAPTURE_BEGUN)
		capture->left_last = capture->control->last_connection;
	/* A host that slept since then makes this later than it was, which is no harm. */
	if (capture->beginning == CAPTURE_TAKEN && capture->control->gone)
		capture->left_at = capture->control->gone + clock_now(CLOCK_BOOTTIME) -
				   clock_now(CLOCK_MONOTONIC);
	/* Until capture_take_senders() counts them. */
	if (capture->beginning == CAPTURE_TAKEN)
		capture->kept_count[0] = capture->kept_count[1] = CALLERD_KEPT_SENDERS;
	capture->control->away_limit = capture->options.away_limit;
	capture_beat(capture);
}

/* --- links ----------------------------------------------------------------------------------- */

static bool is_attached(const struct bpf_program *program)
{
	/* capture_ask_identity() and capture_totals() run these; actors_living() and doors_watch() attach their own */
	return bpf_program__autoload(program) &&
	       bpf_program__type(program) != BPF_PROG_TYPE_SYSCALL &&
	       strcmp(bpf_program__name(program), "actor") != 0 &&
	       strcmp(bpf_program__name(program), "mark_listener") != 0;
}

/* Whether PROGRAM only lists what there is, and the agent that asks attaches it. */
static bool lists_only(const struct bpf_program *program)
{
	return !strncmp(bpf_program__name(program), "living", strlen("living")) ||
	       !strcmp(bpf_program__name(program), "processes");
}

static void keep_link(struct capture *capture, const struct bpf_program *program,
		      struct bpf_link *link, int link_fd, int program_fd)
{
	capture->program_names[capture->link_count] = bpf_program__name(program);
	capture->links[capture->link_count] = link;
	capture->link_fds[capture->link_count] = link_fd;
	capture->program_fds[capture->link_count++] = program_fd;
}

/* Finds the pinned links that run what the programs of the object, loaded with the pinned maps,
 * would do; those are needed no longer. */
static int take_links(struct capture *capture, struct sentence *why)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, capture->object) {
		int link, running, error;

		if (!is_attached(program) || lists_only(program))
			continue;
		error = takeover_link(capture->pins, program, &link, &running, why);
		if (error)
			return error;
		keep_link(capture, program, NULL, link, running);
		bpf_program__unload(program);
	}
	return 0;
}

/* Opens the object of BACKEND, with the options' sizes. */
static int open_backend_object(struct capture *capture)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_options, .object_name = capture->backend->name);
	const void *bytes;
	size_t size;
	int error;

	bytes = capture->backend->object(&size);
	capture->object = bpf_object__open_mem(bytes, size, &open_options);
	error = libbpf_get_error(capture->object);
	if (error) {
		capture->object = NULL;
		return error;
	}
	return capture_configure(capture) ?: choose_programs(capture);
}

static int load_object(struct capture *capture, bool take, struct sentence *why)
{
	int error = open_backend_object(capture);

	if (!error && take)
		error = takeover_maps(capture->pins, capture->object, why);
	if (!error)
		error = bpf_object__load(capture->object);
	if (!error && take)
		error = take_links(capture, why);
	return error ?: capture_find_parts(capture)
		?: variable_names_tell(map_fd(capture, "variables"), capture->control);
}

/* Loads BACKEND; TAKE: to go on with what is pinned. PINS stays the caller's where it fails. WHY,
 * of what is not taken over. */
static int capture_load(const struct backend *backend, const struct capture_options *options,
			struct pins *pins, bool take, struct takeover_left *left,
			struct capture **ret, struct sentence *why)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	int error;

	if (!capture)
		return -ENOMEM;
	capture->backend = backend;
	capture->options = *options;
	capture->pins = pins;
	capture->counting = -1;
	capture->left = (struct takeover_left){.rings = {-1, -1}};
	if (take)
		capture->beginning = CAPTURE_TAKEN;
	else if (left)
		capture->left = *left;
	error = load_object(capture, take, why);
	if (error) {
		capture->pins = NULL;
		capture->left = (struct takeover_left){.rings = {-1, -1}};
		capture_close(capture);
		return error;
	}
	watches_tell_self(capture->watches);
	*ret = capture;
	return 0;
}

static int capture_attach_program(struct capture *capture, struct bpf_program *program)
{
	struct bpf_link *link;
	const char *why;

	if (!is_attached(program) || (capture->beginning == CAPTURE_TAKEN && !lists_only(program)))
		return 0;
	link = attach_program(program, &why);
	if (!link) {
		int error = errno;

		if (why)
			snprintf(first_warning, sizeof(first_warning), "%s", why);
		return -error;
	}
	if (!strcmp(bpf_program__name(program), "living"))
		capture->living = link;
	else if (!strcmp(bpf_program__name(program), "living_tcp"))
		capture->living_tcp = link;
	else if (!strcmp(bpf_program__name(program), "processes"))
		capture->processes = link;
	else
		keep_link(capture, program, link, bpf_link__fd(link), bpf_program__fd(program));
	return 0;
}

static int capture_attach(struct capture *capture, char *reason, size_t reason_size)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, capture->object) {
		int error = capture_attach_program(capture, program);

		if (error) {
			snprintf(reason, reason_size, "%s: %s (%s)", bpf_program__name(program),
				 strerror(-error), first_warning);
			return error;
		}
	}
	return 0;
}

/* --- pins ------------------------------------------------------------------------------------- */

static int pin_links(struct capture *capture)
{
	struct bpf_program *program;
	unsigned int next = 0;
	int error = 0;

	bpf_object__for_each_program (program, capture->object) {
		if (error || !is_attached(program) || lists_only(program))
			continue;
		error = pins_put(capture->pins, PINS_LINKS, bpf_program__name(program),
				 capture->link_fds[next++]);
	}
	return error;
}

/* Gives up the pins: the programs end with the agent. */
static void give_up_pins(struct capture *capture, struct pins *pins)
{
	pins_clear(pins);
	pins_close(pins);
	capture->pins = NULL;
}

/* Pins the programs that run now. */
static void capture_pin(struct capture *capture)
{
	int error = takeover_pin_maps(capture->pins, capture->object) ?: pin_links(capture);

	if (!error)
		return;
	sentence_say(&capture->unpinned, "%s: %s", capture->options.pin, strerror(-error));
	give_up_pins(capture, capture->pins);
}

/* Ends the programs that an earlier agent left, of which only the rings are read on. */
static void replace_left(struct capture *capture)
{
	if (!capture->pins || !capture->left.found)
		return;
	pins_clear(capture->pins);
	capture->beginning = CAPTURE_REPLACED;
	for (int ring = 0; ring < CALLERD_RINGS; ring++)
		if (capture->left.rings[ring] >= 0)
			open_ring(capture, &capture->left_rings[ring], capture->left.rings[ring]);
}

/* The directory of pins as it was found. */
struct pins_found {
	struct pins *pins; /* NULL: there can be none, or none are wanted */
	struct sentence why;
	struct takeover_left left;
	struct sentence not_taken; /* why what is left is not taken over */
};

static int find_pins(const struct capture_options *options, struct pins_found *ret)
{
	struct pins_count count = {0};
	int error;

	*ret = (struct pins_found){.left.rings = {-1, -1}};
	if (!options->pin)
		return 0;
	error = pins_open(options->pin, true, &ret->pins, &ret->why);
	if (error == -EBUSY)
		return error;
	if (!error)
		error = pins_count(ret->pins, &count, &ret->why);
	if (!error && count.maps + count.links)
		error = takeover_read_left(ret->pins, &ret->left, &ret->why);
	if (error) {
		pins_close(ret->pins);
		ret->pins = NULL;
	}
	return 0;
}

static int capture_take_over(const struct capture_options *options, struct pins_found *found,
			     struct capture **ret)
{
	bool compared = false;
	int error = -ESTALE;

	for (size_t i = 0; error && i < COUNT(backends); i++) {
		struct sentence why = {0};

		if (options->backend != CAPTURE_AUTO && options->backend != backends[i].id)
			continue;
		first_warning[0] = '\0';
		error = capture_load(&backends[i], options, found->pins, true, NULL, ret, &why);
		/* That another backend cannot run here is not the reason, nor that what it left lacks
		 * something. */
		if (error && (!compared || strstr(found->not_taken.text, " is not pinned")))
			sentence_say(&found->not_taken, "%.200s",
				     why.text[0] ? why.text : first_warning);
		compared |= why.text[0];
	}
	return error;
}

static const char *explain_failure(int error)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return "the kernel has no BTF (/sys/kernel/btf/vmlinux): it needs "
		       "CONFIG_DEBUG_INFO_BTF";
	return strerror(-error);
}

static int capture_begin(const struct capture_options *options, struct pins_found *found,
			 struct capture **ret, char *reason, size_t reason_size)
{
	char refused[600] = "";
	int error = -EINVAL;

	for (size_t i = 0; i < COUNT(backends); i++) {
		const struct backend *backend = &backends[i];
		struct sentence unused;
		char why[700] = "";

		if (options->backend != CAPTURE_AUTO && options->backend != backend->id)
			continue;
		first_warning[0] = '\0';
		error = capture_load(backend, options, found->pins, false, &found->left, ret,
				     &unused);
		if (!error) {
			replace_left(*ret);
			error = capture_attach(*ret, why, sizeof(why));
			if (!error) {
				snprintf(reason, reason_size, "%s",
					 options->backend != CAPTURE_AUTO ? "as configured"
					 : refused[0]			  ? refused + 2
									  : "the best there is");
				return 0;
			}
			(*ret)->pins = NULL;
			(*ret)->left = (struct takeover_left){.rings = {-1, -1}};
			capture_close(*ret);
			*ret = NULL;
		} else {
			snprintf(why, sizeof(why), "%s%s%s%s", explain_failure(error),
				 first_warning[0] ? " (" : "", first_warning,
				 first_warning[0] ? ")" : "");
		}
		snprintf(refused + strlen(refused), sizeof(refused) - strlen(refused),
			 "; %s does not load: %.300s", backend->name, why);
	}
	snprintf(reason, reason_size,
		 "no capture backend can run on this kernel%s. Needed: %s; or %s", refused,
		 backends[0].needs, backends[1].needs);
	return error;
}

/* Adds what became of the pins to REASON. */
static void describe_pins(const struct capture *capture, const struct pins_found *found,
			  char *reason, size_t size)
{
	const char *pin = capture->options.pin;
	size_t used = strlen(reason);

	if (!pin)
		return;
	if (!capture->pins)
		snprintf(reason + used, size - used, "; not pinned: %.400s",
			 capture->unpinned.text);
	else if (capture->beginning == CAPTURE_TAKEN)
		snprintf(reason + used, size - used, "; taken over from %.400s", pin);
	else if (capture->beginning == CAPTURE_REPLACED)
		snprintf(reason + used, size - used,
			 "; pinned at %.300s, in place of others: %.200s", pin,
			 found->not_taken.text);
	else
		snprintf(reason + used, size - used, "; pinned at %.400s", pin);
}

int capture_open(const struct capture_options *options, struct capture **ret, char *reason,
		 size_t reason_size)
{
	struct pins_found found;
	int error;

	libbpf_set_print(keep_warning);
	error = find_pins(options, &found);
	if (error) {
		snprintf(reason, reason_size, "%.700s", found.why.text);
		return error;
	}
	error = found.left.found ? capture_take_over(options, &found, ret) : -ENOENT;
	if (!error) {
		takeover_left_free(&found.left);
		snprintf(reason, reason_size, "as before");
		error = capture_attach(*ret, reason, reason_size);
	} else {
		error = capture_begin(options, &found, ret, reason, reason_size);
	}
	if (error) {
		takeover_left_free(&found.left);
		pins_close(found.pins);
		return error;
	}
	(*ret)->unpinned = found.why;
	if (found.pins && (*ret)->beginning != CAPTURE_TAKEN)
		capture_pin(*ret);
	note_legacy(*ret);
	describe_pins(*ret, &found, reason, reason_size);
	return 0;
}

/* Ends a link, or only the agent's hold on it, where it is pinned. */
static void release_link(const struct capture *capture, unsigned int index)
{
	struct bpf_link *link = capture->links[index];

	if (link && !capture->pins) {
		bpf_link__destroy(link);
		return;
	}
	close(capture->link_fds[index]);
	if (link) {
		bpf_link__disconnect(link);
		bpf_link__destroy(link);
	} else {
		close(capture->program_fds[index]);
	}
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	for (unsigned int i = 0; i < capture->link_count; i++)
		release_link(capture, i);
	bpf_link__destroy(capture->living);
	bpf_link__destroy(capture->living_tcp);
	bpf_link__destroy(capture->processes);
	for (int ring = 0; ring < CALLERD_RINGS; ring++) {
		close_ring(&capture->rings[ring]);
		close_ring(&capture->left_rings[ring]);
	}
	takeover_left_free(&capture->left);
	accounts_free(capture->accounts);
	watches_free(capture->watches);
	actors_free(capture->actors);
	bpf_object__close(capture->object);
	pins_close(capture->pins);
	cleanup_close(&capture->counting);
	free(capture);
}

/* --- what an earlier agent left, and the next one finds -------------------------------------- */

enum capture_beginning capture_beginning(const struct capture *capture)
{
	return capture->beginning;
}

uint64_t capture_left_connections(const struct capture *capture)
{
	return capture->left.connections;
}

const char *capture_unpinned(const struct capture *capture)
{
	return capture->options.pin && !capture->pins ? capture->unpinned.text : NULL;
}

struct callerd_legacy *capture_legacy(struct capture *capture)
{
	return &capture->control->legacy;
}

uint64_t capture_left_last(const struct capture *capture)
{
	return capture->left_last;
}

uint64_t capture_left_at(const struct capture *capture)
{
	return capture->left_at;
}

bool capture_is_pinned(const struct capture *capture)
{
	return capture->pins;
}

/* A system call less where the map is empty, as that of large ones mostly is. */
static void drop_kept_sender(struct capture *capture, bool large, uint64_t connection)
{
	if (capture->kept_count[large] &&
	    !bpf_map_delete_elem(capture->kept_senders[large], &connection))
		capture->kept_count[large]--;
}

void capture_keep_sender(struct capture *capture, const struct callerd_event_header *event)
{
	static struct callerd_kept_large_sender kept;
	bool large = event->size > sizeof(((struct callerd_kept_sender *)0)->event);
	int map = capture->kept_senders[large];

	if (!capture->pins)
		return;
	kept.size = event->size;
	memcpy(&kept.event, event, event->size);
	if (event->type == CALLERD_EVENT_CONNECT) { /* it began span 0 */
		kept.event.header.type = CALLERD_EVENT_SENDER;
		kept.event.header.flags |= CALLERD_FLAG_CONNECTOR;
		kept.event.offset = 0;
		kept.event.span = 0;
	}
	drop_kept_sender(capture, !large, event->connection);
	/* Where the map is full, the sender is not known after this agent was killed. */
	if (!bpf_map_update_elem(map, &event->connection, &kept, BPF_NOEXIST))
		capture->kept_count[large]++;
	else if (errno == EEXIST)
		bpf_map_update_elem(map, &event->connection, &kept, BPF_ANY);
}

void capture_forget_sender(struct capture *capture, uint64_t connection)
{
	for (int large = 0; capture->pins && large < 2; large++)
		drop_kept_sender(capture, large, connection);
}

/* The keys of MAP, at most MAX of them. A walk that is interrupted by other calls may begin anew, or never end, where these
 * change the map. */
static unsigned int list_connections(int map, uint64_t *ret, unsigned int max)
{
	unsigned int count = 0;

	while (count < max &&
	       !bpf_map_get_next_key(map, count ? &ret[count - 1] : NULL, &ret[count]))
		count++;
	return count;
}

void capture_take_senders(struct capture *capture, void *data,
			  void (*take)(void *data, const void *event, size_t size))
{
	static struct callerd_kept_large_sender kept;
	static uint64_t connections[CALLERD_KEPT_SENDERS];

	for (int large = 0; large < 2; large++) {
		int map = capture->kept_senders[large];
		unsigned int count = list_connections(map, connections, COUNT(connections));

		capture->kept_count[large] = count;
		for (unsigned int i = 0; i < count; i++)
			if (!bpf_map_lookup_elem(map, &connections[i], &kept) &&
			    kept.size <= sizeof(kept.event))
				take(data, &kept.event, kept.size);
	}
}

void capture_hand_over(struct capture *capture, uint64_t connection,
		       const struct callerd_handed *handed,
		       const struct callerd_handed_http2 *http2)
{
	if (!http2 || !bpf_map_update_elem(capture->handed_http2, &connection, http2, BPF_ANY))
		bpf_map_update_elem(capture->handed, &connection, handed, BPF_ANY);
}

void capture_take_handed(struct capture *capture, void *data,
			 void (*take)(void *data, uint64_t connection,
				      const struct callerd_handed *handed,
				      const struct callerd_handed_http2 *http2))
{
	static struct callerd_handed_http2 http2; /* large */
	struct callerd_handed handed;
	uint64_t connection;
	bool done = false;

	while (!done && !bpf_map_get_next_key(capture->handed, NULL, &connection)) {
		bool found = !bpf_map_lookup_elem(capture->handed, &connection, &handed);

		if (found && handed.http2)
			found = !bpf_map_lookup_elem(capture->handed_http2, &connection, &http2);
		if (found)
			take(data, connection, &handed, handed.http2 ? &http2 : NULL);
		bpf_map_delete_elem(capture->handed_http2, &connection);
		done = bpf_map_delete_elem(capture->handed, &connection);
	}
	explicit_bzero(&http2, sizeof(http2)); /* what it says may be secrets */
}

void capture_beat(struct capture *capture)
{
	__atomic_store_n(&capture->control->beat, clock_now(CLOCK_MONOTONIC), __ATOMIC_RELAXED);
}

void capture_leave(struct capture *capture)
{
	struct callerd_control *control = capture->control;

	__atomic_store_n(&control->gone, clock_now(CLOCK_MONOTONIC), __ATOMIC_RELAXED);
	__atomic_add_fetch(&control->epoch, 1, __ATOMIC_SEQ_CST);
}

const char *capture_backend_name(const struct capture *capture)
{
	return capture->backend->name;
}

struct doors *capture_doors(struct capture *capture)
{
	return &capture->doors;
}

struct watches *capture_watches(struct capture *capture)
{
	return capture->watches;
}

struct actors *capture_actors(struct capture *capture)
{
	return capture->actors;
}

void capture_fds(const struct capture *capture, int fds[2])
{
	fds[0] = ring_buffer__epoll_fd(capture->rings[CALLERD_RING_CALLERS].buffer);
	fds[1] = ring_buffer__epoll_fd(capture->rings[CALLERD_RING_PAYLOAD].buffer);
}

/* --- reading --------------------------------------------------------------------------------- */

/* Sets the end of the next reading to the ring's present end, or before it: what has waited for the
 * agent must not come to the outputs all at once. */
static void mark_end(struct ring *ring)
{
	uint64_t most = __atomic_load_n(ring->consumed, __ATOMIC_ACQUIRE) + READ_MAX;

	ring->end = __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE);
	if (ring->end > most && ring->limited)
		ring->end = most;
}

/* Reads up to the end that mark_end() set and not beyond: a caller may fill the ring as fast as it
 * is read. Returns whether there was an event, or -errno. */
static int read_ring(struct capture *capture, struct ring *ring)
{
	uint64_t begin = __atomic_load_n(ring->consumed, __ATOMIC_ACQUIRE);
	int result;

	ring->position = begin;
	if (begin >= ring->end)
		return 0;
	capture->reading = ring;
	result = ring_buffer__consume(ring->buffer);
	if (result < 0 && result != -EAGAIN)
		return result;
	return ring->position != begin;
}

void capture_drain_callers(struct capture *capture)
{
	struct ring *callers = &capture->rings[CALLERD_RING_CALLERS];

	mark_end(callers);
	read_ring(capture, callers);
}

/* Reads what the programs that were replaced have left. */
static void drain_left(struct capture *capture)
{
	for (int ring = 0; ring < CALLERD_RINGS; ring++) {
		struct ring *left = &capture->left_rings[ring];

		if (left->buffer && left->consumed && left->produced) {
			mark_end(left);
			read_ring(capture, left);
		}
		close_ring(left);
		*left = (struct ring){0};
	}
}

/* Whether a caller is still being written, by a program whose processor does something else, or nothing, just now: what stands
 * behind it in the ring cannot be read. */
static bool awaits_caller(struct capture *capture)
{
	const struct ring *callers = &capture->rings[CALLERD_RING_CALLERS];
	uint64_t now = clock_now(CLOCK_MONOTONIC);

	if (__atomic_load_n(callers->consumed, __ATOMIC_ACQUIRE) >= callers->end)
		capture->stuck_since = 0;
	else if (!capture->stuck_since)
		capture->stuck_since = now;
	return capture->stuck_since && now - capture->stuck_since < STUCK_MAX;
}

int capture_drain(struct capture *capture)
{
	struct ring *rings = capture->rings;
	int callers, payload;

	if (!capture->drained) {
		capture->drained = true;
		drain_left(capture);
		__atomic_store_n(&capture->control->gone, 0, __ATOMIC_RELAXED);
	}
	/* The payload's end is taken first: so the callers of all payload up to that end are in the
	 * callers ring already, and are read before the payload. */
	mark_end(&rings[CALLERD_RING_PAYLOAD]);
	mark_end(&rings[CALLERD_RING_CALLERS]);
	callers = read_ring(capture, &rings[CALLERD_RING_CALLERS]);
	if (callers >= 0 && awaits_caller(capture)) {
		sched_yield();
		return 1;
	}
	payload = callers < 0 ? callers : read_ring(capture, &rings[CALLERD_RING_PAYLOAD]);
	return payload < 0 ? payload : callers || payload;
}

uint64_t capture_mark(const struct capture *capture)
{
	return __atomic_load_n(capture->rings[CALLERD_RING_PAYLOAD].produced, __ATOMIC_ACQUIRE);
}

bool capture_has_before(const struct capture *capture, uint64_t mark)
{
	return __atomic_load_n(capture->rings[CALLERD_RING_PAYLOAD].consumed, __ATOMIC_ACQUIRE) <
	       mark;
}

void capture_sleep(struct capture *capture)
{
	__atomic_store_n(&capture->control->reader_asleep, 1, __ATOMIC_SEQ_CST);
}

void capture_keep_socket(struct capture *capture, uint32_t index,
			 const struct callerd_kept_socket *kept)
{
	bpf_map_update_elem(capture->kept_sockets, &index, kept, BPF_ANY);
}

bool capture_kept_socket(struct capture *capture, uint32_t index, struct callerd_kept_socket *ret)
{
	if (capture->beginning != CAPTURE_TAKEN ||
	    bpf_map_lookup_elem(capture->kept_sockets, &index, ret))
		return false;
	ret->path[sizeof(ret->path) - 1] = '\0';
	return ret->path[0] == '/' || doors_is_port(ret->path);
}

uint64_t capture_started(const struct capture *capture)
{
	return __atomic_load_n(&capture->control->started, __ATOMIC_RELAXED);
}

void capture_mute(struct capture *capture, uint64_t connection, uint32_t directions)
{
	bpf_map_update_elem(capture->muted, &connection, &directions, BPF_ANY);
}

void capture_unmute(struct capture *capture, uint64_t connection)
{
	bpf_map_delete_elem(capture->muted, &connection);
}

void capture_forget_session(struct capture *capture, uint64_t connection)
{
	bpf_map_delete_elem(capture->sessions, &connection);
}

int capture_totals(struct capture *capture, struct callerd_totals *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = ret, .ctx_size_in = sizeof(*ret));
	int error = bpf_prog_test_run_opts(capture->totals, &run);

	if (error)
		return error;
	return ret->found ? 0 : -ENOENT;
}

int capture_living(struct capture *capture, void (*seen)(void *data, uint64_t connection),
		   void *data)
{
	uint64_t id;
	int error;

	__atomic_add_fetch(&capture->control->walk, 1, __ATOMIC_SEQ_CST);
	error = walk_run(capture->living)
			?: capture->living_tcp && capture->control->tcp_marked
			   ? walk_run(capture->living_tcp)
			   : 0;
	while (!bpf_map_lookup_and_delete_elem(capture->living_ids, NULL, &id))
		if (!error)
			seen(data, id);
	return error;
}

/* Whether the session of CONNECTION is of one that lives. The values of both maps begin with what is looked at; VALUE has room for either. */
static bool is_session_alive(const struct capture *capture, uint64_t connection, void *value)
{
	struct callerd_session_mark mark;

	if (bpf_map_lookup_elem(capture->sessions, &connection, value))
		return true;
	memcpy(&mark, value, sizeof(mark));
	if (!mark.daemon) /* it begins at this moment */
		return true;
	if (bpf_map_lookup_elem(capture->connections, &mark.daemon, value))
		return false;
	return !memcmp(value, &connection, sizeof(connection)) &&
	       (mark.foreign || mark.walk == (uint32_t)capture->control->walk);
}

void capture_drop_sessions(struct capture *capture)
{
	size_t sizes[] = {map_value_size(capture, "sessions"),
			  map_value_size(capture, "connections")};
	void *value = malloc(sizes[0] > sizes[1] ? sizes[0] : sizes[1]);
	uint64_t id, next;
	bool more = value && !bpf_map_get_next_key(capture->sessions, NULL, &next);

	for (unsigned int i = 0; more && i < SESSIONS_LOOKED_AT; i++) {
		id = next;
		more = !bpf_map_get_next_key(capture->sessions, &id, &next);
		if (!is_session_alive(capture, id, value))
			bpf_map_delete_elem(capture->sessions, &id);
	}
	free(value);
}

void capture_unseen(struct capture *capture, void (*seen)(void *data, uint64_t address), void *data)
{
	uint64_t address;

	while (!bpf_map_lookup_and_delete_elem(capture->unseen, NULL, &address))
		seen(data, address);
}

int capture_probe_open(const struct capture *capture)
{
	int fd = fcntl(
		bpf_program__fd(bpf_object__find_program_by_name(capture->object, "identify")),
		F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : fd;
}

int capture_probe(int fd, uint32_t thread)
{
	struct callerd_identify request = {.fd = CALLERD_PROBE, .thread = thread};
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &request, .ctx_size_in = sizeof(request));

	return bpf_prog_test_run_opts(fd, &run);
}

void capture_accounts(struct capture *capture, const struct accounts_calls *calls)
{
	accounts_read(capture->accounts, capture->control, calls);
}

int capture_processes(struct capture *capture,
		      void (*seen)(void *data, const struct callerd_process *process), void *data)
{
	struct callerd_process processes[64];
	char *at = (char *)processes;
	ssize_t got, size = 0;
	int fd = bpf_iter_create(bpf_link__fd(capture->processes));

	if (fd < 0)
		return -errno;
	/* A read may end within an entry: its beginning is kept for the next read. */
	while ((got = read(fd, at + size, sizeof(processes) - size)) > 0) {
		size_t count = (size + got) / sizeof(*processes);

		for (size_t i = 0; i < count; i++)
			seen(data, &processes[i]);
		size = size + got - count * sizeof(*processes);
		memmove(at, at + count * sizeof(*processes), size);
	}
	got = got < 0 ? -errno : 0;
	close(fd);
	return (int)got;
}

void capture_keep_args(struct capture *capture, uint64_t image, const char *args, size_t size,
		       bool truncated)
{
	struct callerd_args kept = {.size = size, .flags = truncated ? CALLERD_TEXT_TRUNCATED : 0};
	struct callerd_long_args whole = {.size = size, .flags = kept.flags};

	if (size > sizeof(kept.argv)) {
		memcpy(whole.argv, args, size);
		bpf_map_update_elem(capture->long_arguments, &image, &whole, BPF_NOEXIST);
		kept.size = sizeof(kept.argv);
		kept.flags = CALLERD_TEXT_TRUNCATED;
	}
	memcpy(kept.argv, args, kept.size);
	bpf_map_update_elem(capture->arguments, &image, &kept, BPF_NOEXIST);
	/* Descriptions that lack them are not to be used again. */
	__atomic_add_fetch(&capture->control->args_kept, 1, __ATOMIC_RELAXED);
	explicit_bzero(&kept, sizeof(kept));
	explicit_bzero(&whole, sizeof(whole));
}

ssize_t capture_args(struct capture *capture, uint32_t pid, uint64_t start,
		     char args[CALLERD_ARGV_MAX], bool *ret_truncated)
{
	struct callerd_image entry;
	struct callerd_long_args whole;
	struct callerd_args kept;
	ssize_t size = -ENOENT;

	if (bpf_map_lookup_elem(capture->images, &pid, &entry) || entry.start != start)
		return size;
	if (!bpf_map_lookup_elem(capture->long_arguments, &entry.image, &whole)) {
		size = whole.size;
		*ret_truncated = whole.flags;
		memcpy(args, whole.argv, size);
	} else if (!bpf_map_lookup_elem(capture->arguments, &entry.image, &kept)) {
		size = kept.size;
		*ret_truncated = kept.flags;
		memcpy(args, kept.argv, size);
	}
	explicit_bzero(&kept, sizeof(kept));
	explicit_bzero(&whole, sizeof(whole));
	return size;
}

/* A link to a cgroup can be taken off by whoever finds it; others stay as long as we hold them. */
static bool is_detached(int link_fd)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);

	return !bpf_obj_get_info_by_fd(link_fd, &info, &size) &&
	       info.type == BPF_LINK_TYPE_CGROUP && !info.cgroup.cgroup_id;
}

unsigned int capture_programs(const struct capture *capture,
			      struct capture_program ret[CAPTURE_PROGRAMS_MAX])
{
	static_assert(LINKS_MAX <= CAPTURE_PROGRAMS_MAX, "each has room");

	for (unsigned int i = 0; i < capture->link_count; i++) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		ret[i] = (struct capture_program){
			.name = capture->program_names[i],
			.detached = is_detached(capture->link_fds[i]),
		};
		if (bpf_obj_get_info_by_fd(capture->program_fds[i], &info, &size))
			continue;
		ret[i].runs = info.run_cnt;
		ret[i].run_time = info.run_time_ns;
		ret[i].missed = info.recursion_misses;
	}
	return capture->link_count;
}

void capture_list_maps(const struct capture *capture,
		       void (*tell)(void *data, const char *name, const char *type,
				    uint32_t entries),
		       void *data)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, capture->object)
		if (bpf_map__autocreate(map))
			tell(data, bpf_map__name(map),
			     libbpf_bpf_map_type_str(bpf_map__type(map)) ?: "unknown",
			     bpf_map__max_entries(map));
}

int capture_count_runs(struct capture *capture)
{
	capture->counting = bpf_enable_stats(BPF_STATS_RUN_TIME);
	return capture->counting < 0 ? capture->counting : 0;
}

void capture_ring(const struct capture *capture, enum callerd_ring ring, uint64_t *ret_waiting,
		  uint64_t *ret_size)
{
	const struct ring *of = &capture->rings[ring];
	uint64_t consumed = __atomic_load_n(of->consumed, __ATOMIC_ACQUIRE);

	*ret_waiting = __atomic_load_n(of->produced, __ATOMIC_ACQUIRE) - consumed;
	*ret_size = ring == CALLERD_RING_CALLERS ? capture->options.callers_size
						 : capture->options.payload_size;
}

/* Whether tasks run on while the kernel runs a program at a tracepoint: then another one may take the processor, and miss it. */
static bool may_be_preempted(void)
{
	struct utsname name;

	return uname(&name) || strstr(name.version, "PREEMPT_RT");
}

/* Whether nothing is lost where PROGRAM is left out. Only an interrupt can come while data_ready() runs, and none makes a
 * Unix socket readable. */
static bool is_spared(const char *program)
{
	return !strcmp(program, "on_tcp_begin") ||
	       (!strcmp(program, "data_ready") && !may_be_preempted());
}

/* How often the programs that run were left out, since they were loaded, and may have missed something. */
static uint64_t count_misses(const struct capture *capture)
{
	uint64_t missed = 0;

	for (unsigned int i = 0; i < capture->link_count; i++) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (!is_spared(capture->program_names[i]) &&
		    !bpf_obj_get_info_by_fd(capture->program_fds[i], &info, &size))
			missed += info.recursion_misses;
	}
	return missed;
}

void capture_losses(struct capture *capture, uint64_t losses[CALLERD_LOSS_MAX], uint64_t *missed)
{
	struct callerd_legacy *legacy = capture_legacy(capture);
	int cpus = libbpf_num_possible_cpus();
	_free_ uint64_t *counts = calloc(cpus > 0 ? cpus : 1, sizeof(*counts));
	uint64_t missed_now;

	memset(losses, 0, CALLERD_LOSS_MAX * sizeof(*losses));
	for (uint32_t reason = 0; counts && reason < CALLERD_LOSS_MAX; reason++) {
		uint64_t count = 0;

		if (bpf_map_lookup_elem(capture->losses, &reason, counts))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			count += counts[cpu];
		losses[reason] =
			count - capture->lost_before[reason] + capture->left.losses[reason];
		legacy->lost[reason] = count;
	}
	accounts_add_losses(capture->accounts, losses);
	missed_now = count_misses(capture);
	if (missed_now > legacy->missed)
		legacy->missed = missed_now;
	*missed = legacy->missed - capture->missed_before;
}
