/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as a log, and makes deeds of it. Each record is in a deed, or was none; whatever somebody wrote into it, what
 * is told is one line each, and a terminal obeys none of it.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "deed/deed.h"

static void check_text(const char *text)
{
	size_t size = strlen(text);
	uint32_t code;

	for (size_t at = 0; at < size;) {
		at += utf8_decode(text + at, size - at, &code);
		MUST(code != UTF8_INVALID && !utf8_is_unsafe(code));
	}
}

static void check_deed(void *data, const struct deed *deed)
{
	uint64_t *told = data;
	bool is_one_of_them = false;

	MUST(deed->act_count >= 1 && deed->act_count <= DEED_ACTS && deed->first <= deed->last);
	check_text(deed->who);
	check_text(deed->user);
	check_text(deed->container);
	check_text(deed->unit);
	check_text(deed->program);
	check_text(deed->command);
	check_text(deed->word);
	for (unsigned int i = 0; i < deed->act_count; i++) {
		const struct act *act = &deed->acts[i];

		MUST(act->phrase && act->severity <= deed->severity);
		is_one_of_them |= act == deed->main;
		check_text(act->object);
		check_text(act->id);
		check_text(act->detail);
		check_text(act->found);
	}
	MUST(is_one_of_them);
	(void)deed_only_looks(deed);
	++*told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = {(const char *)data, size}, line;
	struct reread reread = {0};
	uint64_t told = 0, time = 0, taken = 0;
	struct deeds *deeds = deeds_new(&told, check_deed);

	MUST(deeds);
	while (bytes_take(&rest, '\n', &line)) {
		if (reread_read(&reread, line))
			continue;
		time += (line.size % 7) * NS_PER_S / 2;
		deeds_run(deeds, time);
		MUST(!deeds_take(deeds, &reread, time));
		taken++;
	}
	deeds_run(deeds, UINT64_MAX);
	MUST(told <= taken);
	deeds_free(deeds);
	reread_free(&reread);
	return 0;
}
