/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_ATTACH_H
#define CALLERD_ATTACH_H

struct bpf_link;
struct bpf_program;

/* Attaches PROGRAM to what its kind and its section name. Returns NULL with errno set on failure, and in
 * WHY a text for a person, or NULL where libbpf has given one. Free the link with bpf_link__destroy(). */
struct bpf_link *attach_program(const struct bpf_program *program, const char **why);

#endif
