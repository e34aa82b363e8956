/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the kernel programs that an earlier agent left pinned are those that this one would load: then this one goes on
 * with them. A pinned program is compared with our own, which the kernel has verified and bound to the pinned maps: by
 * its instructions (tag), what it attaches to, and the maps that it uses.
 */
#ifndef CALLERD_TAKEOVER_H
#define CALLERD_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "callerd/event.h"
#include "kernel/pins.h"

struct bpf_link;
struct bpf_map_info;
struct bpf_object;
struct bpf_prog_info;
struct bpf_program;

/* Why a pinned map is not the WANTED one; NULL: it is. Of WANTED: type, sizes, flags, name. */
const char *takeover_map_fault(const struct bpf_map_info *pinned,
			       const struct bpf_map_info *wanted);

/* Why what a pinned link runs is not the program OWN; NULL: it is. Both with their map_ids. */
const char *takeover_program_fault(const struct bpf_prog_info *pinned,
				   const struct bpf_prog_info *own);

/* Why programs with the settings PINNED do not do what those with OWN would; NULL: they do. */
const char *takeover_settings_fault(const struct callerd_settings *pinned,
				    const struct callerd_settings *own);

/* Has OBJECT, which is open and has its sizes, use the pinned maps. 0; -ESTALE: they are not what it would make;
 * -errno; with a sentence in WHY. */
int takeover_maps(struct pins *pins, struct bpf_object *object, struct sentence *why);

/* Finds the pinned link that runs what PROGRAM, which is loaded, would do. *RET_PROGRAM: a descriptor of that one.
 * Returns as takeover_maps(). */
int takeover_link(struct pins *pins, const struct bpf_program *program, int *ret_link,
		  int *ret_program, struct sentence *why);

/* Pins all maps of OBJECT. The section .data.control comes first: what is there without it is not callerd's. 0 or
 * -errno. */
int takeover_pin_maps(struct pins *pins, struct bpf_object *object);

/* What an agent of any version left, where it is not taken over. */
struct takeover_left {
	bool found;
	bool readable;			   /* its layout is ours: the rest is set */
	struct callerd_control control;	   /* as it is now */
	uint64_t losses[CALLERD_LOSS_MAX]; /* that no record tells */
	uint64_t connections;		   /* that were open */
	int rings[CALLERD_RINGS];	   /* descriptors, or -1 */
};

/* Reads it. 0; -EPERM: it is not callerd's; or -errno. RET is to be freed with takeover_left_free(). */
int takeover_read_left(struct pins *pins, struct takeover_left *ret, struct sentence *why);
void takeover_left_free(struct takeover_left *left);

#endif
