// SPDX-License-Identifier: Apache-2.0
/* /etc/passwd, /etc/group and /etc/gshadow, parted by NULs, and sudo's rules: no list of members has a line twice,
 * and a list compared with itself has no new lines. */
#include "fuzz.h"

#include "guard/look.h"
#include "guard/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes take_file(struct bytes *input)
{
	const char *end = input->size ? memchr(input->data, '\0', input->size) : NULL;
	struct bytes file = {input->data, end ? (size_t)(end - input->data) : input->size};

	input->data += file.size + !!end;
	input->size -= file.size + !!end;
	return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t groups[] = {0, 998, 1001};
	struct bytes input = {(const char *)data, size};
	struct bytes passwd = take_file(&input), group = take_file(&input);
	struct bytes gshadow = take_file(&input), line;
	struct members members, none = {0};
	size_t at = 0, lines = 0;

	MUST(!members_list(passwd, group, gshadow, groups, 3, &members));
	MUST(!members_next_new(&members, &members, &at, &line));
	at = 0;
	while (members_next_new(&none, &members, &at, &line)) {
		MUST(memchr(line.data, '/', line.size));
		lines++;
	}
	for (size_t i = 0; i < members.lines.size; i++)
		lines -= members.lines.data[i] == '\n';
	MUST(!lines);
	members_free(&members);
	look_engine_lines((struct bytes){(const char *)data, size});
	return 0;
}
