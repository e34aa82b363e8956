// SPDX-License-Identifier: Apache-2.0
#include "ctl/question.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "process/environment.h"

static int set_question(struct who_question *ret, enum question_kind kind, const char *text)
{
	if (!*text || strlen(text) >= sizeof(ret->text))
		return -EINVAL;
	ret->kind = kind;
	snprintf(ret->text, sizeof(ret->text), "%s", text);
	return 0;
}

/* The PID that TEXT is; 0: it is none. */
static uint32_t pid_of(const char *text)
{
	uint64_t pid = 0;

	for (; *text >= '0' && *text <= '9' && pid <= INT32_MAX; text++)
		pid = 10 * pid + (uint64_t)(*text - '0');
	return *text || pid > INT32_MAX ? 0 : (uint32_t)pid;
}

static int ask_pid(struct who_question *ret, const char *text)
{
	ret->pid = pid_of(text);
	return ret->pid && *text != '0' ? set_question(ret, QUESTION_PID, text) : -EINVAL;
}

static int ask_address(struct who_question *ret, const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, address) != 1)
		return -EINVAL;
	ret->kind = QUESTION_IP;
	return inet_ntop(family, address, ret->text, sizeof(ret->text)) ? 0 : -EINVAL;
}

static int ask_job(struct who_question *ret, const char *text)
{
	return set_question(ret, QUESTION_JOB, text);
}

static int ask_container(struct who_question *ret, const char *text)
{
	return set_question(ret, QUESTION_CONTAINER, text);
}

static const struct {
	const char *word;
	int (*set)(struct who_question *ret, const char *text);
} question_kinds[] = {
	{"pid", ask_pid}, {"container", ask_container}, {"ip", ask_address}, {"job", ask_job}};

/* pid:4711. -ENOENT: TEXT has no such beginning. */
static int set_explicit(struct who_question *ret, const char *text)
{
	for (size_t i = 0; i < COUNT(question_kinds); i++) {
		size_t size = strlen(question_kinds[i].word);

		if (!strncmp(text, question_kinds[i].word, size) && text[size] == ':')
			return question_kinds[i].set(ret, text + size + 1);
	}
	return -ENOENT;
}

static int set_by_looks(struct who_question *ret, const char *text)
{
	if (strspn(text, "0123456789") == strlen(text)) {
		ret->pid = *text == '0' ? 0 : pid_of(text);
		return set_question(ret, QUESTION_NUMBER, text);
	}
	if (!strncmp(text, "https://", 8) || !strncmp(text, "http://", 7))
		return ask_job(ret, text);
	if (!ask_address(ret, text))
		return 0;
	return set_question(ret, QUESTION_OBJECT, text);
}

/* gitlab 4711, gitlab job 4711, job 4711 */
static int set_words(struct who_question *ret, const char *const *arguments, unsigned int count)
{
	const char *last = arguments[count - 1];

	ret->system = environment_system_of(arguments[0]);
	if (count == 2 && ret->system)
		return ask_job(ret, last);
	for (size_t i = 0; count == 2 && i < COUNT(question_kinds); i++)
		if (!strcmp(arguments[0], question_kinds[i].word))
			return question_kinds[i].set(ret, last);
	ret->of_job = !strcmp(arguments[1], "job");
	ret->of_pipeline = !strcmp(arguments[1], "pipeline");
	if (count != 3 || !ret->system || (!ret->of_job && !ret->of_pipeline))
		return -EINVAL;
	return ask_job(ret, last);
}

int question_parse(const char *const *arguments, unsigned int count, struct who_question *ret)
{
	int error;

	*ret = (struct who_question){0};
	if (!count)
		return -EINVAL;
	if (count > 1)
		return set_words(ret, arguments, count);
	error = set_explicit(ret, arguments[0]);
	return error == -ENOENT ? set_by_looks(ret, arguments[0]) : error;
}

/* Whether URL is TEXT, or a page below it. */
static bool is_url(struct bytes url, const char *text)
{
	size_t size = strlen(text);

	while (size > 1 && text[size - 1] == '/')
		size--;
	if (url.size < size || memcmp(url.data, text, size) != 0)
		return false;
	return url.size == size || strchr("/#?", url.data[size]);
}

bool question_is_job(const struct who_question *question, struct bytes system,
		     struct bytes pipeline, struct bytes job, struct bytes url)
{
	const char *text = question->text;

	if (!system.size || (question->system && !bytes_are(system, question->system)))
		return false;
	if (!question->of_pipeline && bytes_are(job, text))
		return true;
	if (!question->of_job && bytes_are(pipeline, text))
		return true;
	return strstr(text, "://") && url.size && is_url(url, text);
}
