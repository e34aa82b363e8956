/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as a log, and makes errands of it. Each record is in a errand, or was none; whatever somebody wrote into it, what
 * is told is one line each, and a terminal obeys none of it.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "errand/errand.h"

static void check_text(const char *text)
{
	size_t size = strlen(text);
	uint32_t code;

	for (size_t at = 0; at < size;) {
		at += utf8_decode(text + at, size - at, &code);
		MUST(code != UTF8_INVALID && !utf8_is_unsafe(code));
	}
}

static void check_errand(void *data, const struct errand *errand)
{
	uint64_t *told = data;
	bool is_one_of_them = false;

	MUST(errand->act_count >= 1 && errand->act_count <= ERRAND_ACTS &&
	     errand->first <= errand->last);
	check_text(errand->who);
	check_text(errand->origin);
	check_text(errand->brief);
	check_text(errand->program);
	check_text(errand->command);
	check_text(errand->word);
	for (unsigned int i = 0; i < errand->act_count; i++) {
		const struct act *act = &errand->acts[i];

		MUST(act->phrase && act->severity <= errand->severity);
		is_one_of_them |= act == errand->main;
		check_text(act->object);
		check_text(act->id);
		check_text(act->detail);
		check_text(act->found);
	}
	MUST(is_one_of_them);
	(void)errand_only_looks(errand);
	++*told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = {(const char *)data, size}, line;
	struct reread reread = {0};
	uint64_t told = 0, time = 0, taken = 0;
	struct errands *errands = errands_new(&told, check_errand);

	MUST(errands);
	while (bytes_take(&rest, '\n', &line)) {
		if (reread_read(&reread, line))
			continue;
		time += (line.size % 7) * NS_PER_S / 2;
		errands_run(errands, time);
		MUST(!errands_take(errands, &reread, time));
		taken++;
	}
	errands_run(errands, UINT64_MAX);
	MUST(told <= taken);
	errands_free(errands);
	reread_free(&reread);
	return 0;
}
