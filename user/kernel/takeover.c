// SPDX-License-Identifier: Apache-2.0
#include "kernel/takeover.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define MAP_IDS_MAX 64
#define CONTROL ".data.control"
#define SETTINGS ".rodata.settings"

/* --- comparing -------------------------------------------------------------------------------- */

const char *takeover_map_fault(const struct bpf_map_info *pinned, const struct bpf_map_info *wanted)
{
	if (pinned->type != wanted->type)
		return "is a map of another type";
	if (strncmp(pinned->name, wanted->name, sizeof(pinned->name) - 1) != 0)
		return "is another map";
	if (pinned->key_size != wanted->key_size || pinned->value_size != wanted->value_size)
		return "holds other things";
	if (pinned->max_entries != wanted->max_entries)
		return "has another size";
	return pinned->map_flags != wanted->map_flags ? "has other flags" : NULL;
}

static bool uses_map(const struct bpf_prog_info *program, uint32_t id)
{
	const uint32_t *ids = (const uint32_t *)(uintptr_t)program->map_ids;

	for (uint32_t i = 0; i < program->nr_map_ids && i < MAP_IDS_MAX; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static bool uses_same_maps(const struct bpf_prog_info *a, const struct bpf_prog_info *b)
{
	const uint32_t *ids = (const uint32_t *)(uintptr_t)a->map_ids;

	if (a->nr_map_ids != b->nr_map_ids || a->nr_map_ids > MAP_IDS_MAX)
		return false;
	for (uint32_t i = 0; i < a->nr_map_ids; i++)
		if (!uses_map(b, ids[i]))
			return false;
	return true;
}

const char *takeover_program_fault(const struct bpf_prog_info *pinned,
				   const struct bpf_prog_info *own)
{
	if (pinned->type != own->type || memcmp(pinned->tag, own->tag, sizeof(own->tag)) != 0 ||
	    strncmp(pinned->name, own->name, sizeof(own->name)) != 0)
		return "runs another program";
	if (pinned->attach_btf_obj_id != own->attach_btf_obj_id ||
	    pinned->attach_btf_id != own->attach_btf_id)
		return "runs at another place";
	return uses_same_maps(pinned, own) ? NULL : "uses other maps";
}

const char *takeover_settings_fault(const struct callerd_settings *pinned,
				    const struct callerd_settings *own)
{
	struct callerd_settings same = *pinned;

	same.seed = own->seed; /* that of the programs that stay */
	return memcmp(&same, own, sizeof(same)) ? "has other settings" : NULL;
}

/* --- maps ------------------------------------------------------------------------------------- */

static int refuse_pin(struct sentence *why, const char *name, const char *fault)
{
	sentence_say(why, "%s %s", name, fault);
	return -ESTALE;
}

static int read_first(int fd, void *ret)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(fd, &zero, ret) ? -errno : 0;
}

static const char *settings_fault(int fd, const struct bpf_map *map)
{
	struct callerd_settings pinned;
	size_t size;
	const void *own = bpf_map__initial_value((struct bpf_map *)map, &size);

	if (!own || size != sizeof(pinned) || read_first(fd, &pinned))
		return "cannot be read";
	return takeover_settings_fault(&pinned, own);
}

/* Kernel memory and the object's have the same layout: the sizes were compared. */
static const char *control_fault(int fd, const struct bpf_map *map)
{
	struct callerd_control pinned;
	size_t size;
	const struct callerd_control *own = bpf_map__initial_value((struct bpf_map *)map, &size);

	if (!own || size != sizeof(pinned) || read_first(fd, &pinned))
		return "cannot be read";
	if (pinned.magic != own->magic || pinned.layout != own->layout)
		return "is of another version";
	return pinned.sockets != own->sockets ? "is for other sockets" : NULL;
}

static const char *reuse_map(int fd, struct bpf_map *map)
{
	struct bpf_map_info pinned = {0}, wanted = {
						  .type = bpf_map__type(map),
						  .key_size = bpf_map__key_size(map),
						  .value_size = bpf_map__value_size(map),
						  .max_entries = bpf_map__max_entries(map),
						  .map_flags = bpf_map__map_flags(map),
					  };
	uint32_t size = sizeof(pinned);
	const char *fault;

	strncpy(wanted.name, bpf_map__name(map), sizeof(wanted.name) - 1);
	if (bpf_obj_get_info_by_fd(fd, &pinned, &size))
		return "is no map";
	fault = takeover_map_fault(&pinned, &wanted);
	if (!fault && !strcmp(bpf_map__name(map), SETTINGS))
		fault = settings_fault(fd, map);
	if (!fault && !strcmp(bpf_map__name(map), CONTROL))
		fault = control_fault(fd, map);
	if (!fault && bpf_map__reuse_fd(map, fd))
		fault = "cannot be used";
	return fault;
}

int takeover_maps(struct pins *pins, struct bpf_object *object, struct sentence *why)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, object) {
		const char *name = bpf_map__name(map), *fault;
		_close_ int fd = -1;

		if (!bpf_map__autocreate(map))
			continue;
		fd = pins_get(pins, PINS_MAPS, name);
		if (fd < 0)
			return refuse_pin(why, name, "is not pinned");
		fault = reuse_map(fd, map);
		if (fault)
			return refuse_pin(why, name, fault);
	}
	return 0;
}

static int pin_one(struct pins *pins, const struct bpf_map *map)
{
	return pins_put(pins, PINS_MAPS, bpf_map__name(map), bpf_map__fd(map));
}

int takeover_pin_maps(struct pins *pins, struct bpf_object *object)
{
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map (map, object)
		if (!strcmp(bpf_map__name(map), CONTROL))
			error = pin_one(pins, map);
	bpf_object__for_each_map (map, object)
		if (!error && bpf_map__autocreate(map) && strcmp(bpf_map__name(map), CONTROL) != 0)
			error = pin_one(pins, map);
	return error;
}

/* --- links ------------------------------------------------------------------------------------ */

/* What the kernel says of a program, and the ids of its maps. */
struct program_look {
	struct bpf_prog_info info;
	uint32_t maps[MAP_IDS_MAX];
};

static int look_at_program(int fd, struct program_look *ret)
{
	uint32_t size = sizeof(ret->info);

	memset(ret, 0, sizeof(*ret));
	ret->info.map_ids = (uintptr_t)ret->maps;
	ret->info.nr_map_ids = MAP_IDS_MAX;
	return bpf_obj_get_info_by_fd(fd, &ret->info, &size) ? -errno : 0;
}

int takeover_link(struct pins *pins, const struct bpf_program *program, int *ret_link,
		  int *ret_program, struct sentence *why)
{
	const char *name = bpf_program__name(program), *fault;
	_close_ int link = pins_get(pins, PINS_LINKS, name), running = -1;
	struct program_look pinned, own;
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &size))
		return refuse_pin(why, name, "is not pinned");
	running = bpf_prog_get_fd_by_id(info.prog_id);
	if (running < 0 || look_at_program(running, &pinned) ||
	    look_at_program(bpf_program__fd(program), &own))
		return refuse_pin(why, name, "cannot be looked at");
	fault = takeover_program_fault(&pinned.info, &own.info);
	if (fault)
		return refuse_pin(why, name, fault);
	*ret_link = take_fd(link);
	*ret_program = take_fd(running);
	return 0;
}

/* --- what is left ----------------------------------------------------------------------------- */

/* A pinned map of a known kind; else -1. */
static int get_left_map(struct pins *pins, const char *name, uint32_t type, uint32_t value_size)
{
	_close_ int fd = pins_get(pins, PINS_MAPS, name);
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != type ||
	    info.value_size != value_size)
		return -1;
	return take_fd(fd);
}

/* At most MAX: a walk begins anew where its place is deleted, and connections come and go. */
static uint64_t count_keys(int fd, uint64_t max)
{
	uint64_t key, *previous = NULL, count = 0;

	while (count < max && !bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		count++;
	}
	return count;
}

static void read_left_losses(struct pins *pins, struct takeover_left *left)
{
	_close_ int losses =
		get_left_map(pins, "losses", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint64_t));
	_close_ int accounts =
		get_left_map(pins, "accounts", BPF_MAP_TYPE_HASH, sizeof(struct callerd_account));
	_close_ int told =
		get_left_map(pins, "told", BPF_MAP_TYPE_HASH, sizeof(struct callerd_told));
	int cpus = libbpf_num_possible_cpus();
	_free_ uint64_t *counts = calloc(cpus > 0 ? cpus : 1, sizeof(*counts));
	uint64_t account, *previous = NULL;

	for (uint32_t loss = 0; counts && loss < CALLERD_LOSS_MAX; loss++) {
		if (losses < 0 || bpf_map_lookup_elem(losses, &loss, counts))
			break;
		for (int cpu = 0; cpu < cpus; cpu++)
			left->losses[loss] += counts[cpu];
		left->losses[loss] -= left->control.legacy.lost[loss];
	}
	while (accounts >= 0 && !bpf_map_get_next_key(accounts, previous, &account)) {
		struct callerd_told said = {0};
		struct callerd_account state;

		previous = &account;
		if (bpf_map_lookup_elem(accounts, &account, &state))
			continue;
		bpf_map_lookup_elem(told, &account, &said);
		for (int loss = 0; loss < CALLERD_LOSS_MAX; loss++)
			left->losses[loss] += state.lost[loss] - said.lost[loss];
	}
}

int takeover_read_left(struct pins *pins, struct takeover_left *ret, struct sentence *why)
{
	static const char *const rings[] = {"callers", "payload"};
	_close_ int control = pins_get(pins, PINS_MAPS, CONTROL), connections = -1;
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	_free_ struct callerd_control *value = NULL;

	*ret = (struct takeover_left){.rings = {-1, -1}};
	if (control < 0 || bpf_obj_get_info_by_fd(control, &info, &size) ||
	    info.type != BPF_MAP_TYPE_ARRAY || info.value_size < 2 * sizeof(uint64_t)) {
		sentence_say(why, "what is pinned is not callerd's");
		return -EPERM;
	}
	value = calloc(1, info.value_size > sizeof(*value) ? info.value_size : sizeof(*value));
	if (!value)
		return -ENOMEM;
	if (read_first(control, value) || value->magic != CALLERD_MAGIC) {
		sentence_say(why, "what is pinned is not callerd's");
		return -EPERM;
	}
	ret->found = true;
	connections = pins_get(pins, PINS_MAPS, "connections");
	size = sizeof(info);
	if (connections >= 0 && !bpf_obj_get_info_by_fd(connections, &info, &size) &&
	    info.type == BPF_MAP_TYPE_LRU_HASH && info.key_size == sizeof(uint64_t))
		ret->connections = count_keys(connections, info.max_entries);
	if (value->layout != CALLERD_LAYOUT)
		return 0;
	ret->readable = true;
	ret->control = *value;
	read_left_losses(pins, ret);
	for (int ring = 0; ring < CALLERD_RINGS; ring++)
		ret->rings[ring] = get_left_map(pins, rings[ring], BPF_MAP_TYPE_RINGBUF, 0);
	return 0;
}

void takeover_left_free(struct takeover_left *left)
{
	for (int ring = 0; ring < CALLERD_RINGS; ring++)
		cleanup_close(&left->rings[ring]);
}
