// SPDX-License-Identifier: Apache-2.0
#include "kernel/variable_names.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "process/environment.h"

uint32_t variable_names_count(void)
{
	uint32_t count = 0;

	while (environment_name(count))
		count++;
	return count;
}

static bool is_read_still(const struct callerd_variable *key)
{
	return environment_is_read(
		(struct bytes){key->name, strnlen(key->name, sizeof(key->name))});
}

static void forget_others(int map)
{
	struct callerd_variable old[CALLERD_VARIABLES_MAX], *previous = NULL;
	unsigned int count = 0;

	while (count < COUNT(old) && !bpf_map_get_next_key(map, previous, &old[count]))
		previous = &old[count++];
	while (count--)
		if (!is_read_still(&old[count]))
			bpf_map_delete_elem(map, &old[count]);
}

int variable_names_tell(int map, struct callerd_control *control)
{
	const char *name;

	for (uint32_t i = 0; (name = environment_name(i)); i++) {
		struct callerd_variable key = {0};

		memcpy(key.name, name, strnlen(name, sizeof(key.name) - 1));
		if (bpf_map_update_elem(map, &key, &i, BPF_ANY))
			return -errno;
		control->variables[CALLERD_VARIABLE_WORD(key.words[0])] |=
			CALLERD_VARIABLE_BIT(key.words[0]);
	}
	forget_others(map);
	return 0;
}
