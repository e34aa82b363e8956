// SPDX-License-Identifier: Apache-2.0
#include "log/moment.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define S_PER_DAY 86400
#define RECENT (600 * NS_PER_S)
#define STAMP_AT (sizeof("{\"@timestamp\":\"") - 1)

/* The number of DIGITS digits at TEXT; -1: there are others. */
static int number_at(const char *text, unsigned int digits)
{
	int number = 0;

	for (; digits; digits--, text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		number = number * 10 + *text - '0';
	}
	return number;
}

/* Days from 1970 to a date of the Gregorian calendar, by Howard Hinnant's days_from_civil. */
static int64_t days_of(int year, int month, int day)
{
	int era, of_era;

	year -= month <= 2;
	era = year / 400;
	of_era = year - era * 400;
	return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468;
}

uint64_t moment_rfc3339(const char *text, unsigned long size)
{
	int year, month, day, hour, minute, second;
	uint64_t fraction = 0, unit = NS_PER_S;

	if (size < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
	    text[16] != ':')
		return 0;
	year = number_at(text, 4);
	month = number_at(text + 5, 2);
	day = number_at(text + 8, 2);
	hour = number_at(text + 11, 2);
	minute = number_at(text + 14, 2);
	second = number_at(text + 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
	    hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return 0;
	text += 19;
	size -= 19;
	if (*text == '.')
		for (text++, size--; size && isdigit((unsigned char)*text) && unit > 1;
		     text++, size--) {
			unit /= 10;
			fraction += (uint64_t)(*text - '0') * unit;
		}
	if (!size || *text != 'Z')
		return 0;
	return ((uint64_t)days_of(year, month, day) * S_PER_DAY + (uint64_t)hour * 3600 +
		(uint64_t)minute * 60 + (uint64_t)second) *
		       NS_PER_S +
	       fraction;
}

uint64_t moment_of_line(const char *line, unsigned long size)
{
	if (size < STAMP_AT + 20 || memcmp(line, "{\"@timestamp\":\"", STAMP_AT) != 0)
		return 0;
	return moment_rfc3339(line + STAMP_AT, size - STAMP_AT);
}

/* --- as people say it ------------------------------------------------------------------------- */

static int moment_take_local(struct tm *local, uint64_t *ret)
{
	time_t seconds;

	local->tm_isdst = -1;
	seconds = mktime(local);
	if (seconds < 0)
		return -EINVAL;
	*ret = (uint64_t)seconds * NS_PER_S;
	return 0;
}

/* Reads 15:00 or 15:00:30 into LOCAL. */
static bool read_time_of_day(const char *text, struct tm *local)
{
	const char *rest = strptime(text, "%H:%M", local);

	local->tm_sec = 0;
	if (rest && *rest == ':')
		rest = strptime(rest, ":%S", local);
	return rest && !*rest;
}

/* Sets LOCAL to the midnight that WORD, of SIZE bytes, names. */
static bool read_day(const char *word, size_t size, struct tm *local)
{
	static const char *const words[] = {"today",	"yesterday",  "this-week",
					    "week-ago", "this-month", "this-year"};
	size_t which = 0;

	while (which < sizeof(words) / sizeof(*words) &&
	       (strlen(words[which]) != size || strncmp(word, words[which], size) != 0))
		which++;
	local->tm_hour = local->tm_min = local->tm_sec = 0;
	switch (which) {
	case 0:
		return true;
	case 1:
		local->tm_mday--;
		return true;
	case 2: /* since Monday */
		local->tm_mday -= (local->tm_wday + 6) % 7;
		return true;
	case 3:
		local->tm_mday -= 7;
		return true;
	case 4:
		local->tm_mday = 1;
		return true;
	case 5:
		local->tm_mday = 1;
		local->tm_mon = 0;
		return true;
	default:
		return false;
	}
}

/* 90s, 10m, 2h, 7d: so long before NOW. */
static bool read_ago(const char *text, uint64_t now, uint64_t *ret)
{
	static const char units[] = "smhd";
	static const uint64_t seconds[] = {1, 60, 3600, S_PER_DAY};
	const char *unit;
	char *rest;
	uint64_t count;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	count = strtoull(text, &rest, 10);
	if (errno || !*rest || rest[1])
		return false;
	unit = strchr(units, *rest);
	if (!unit || count > now / NS_PER_S / seconds[unit - units])
		return false;
	*ret = now - count * seconds[unit - units] * NS_PER_S;
	return true;
}

int moment_parse(const char *text, uint64_t now, uint64_t *ret)
{
	time_t seconds = (time_t)(now / NS_PER_S);
	size_t first = strcspn(text, " ");
	struct tm local;
	const char *rest;

	if (!strcmp(text, "now") || !strcmp(text, "recent") || !strcmp(text, "boot")) {
		*ret = *text == 'n'   ? now
		       : *text == 'r' ? now - RECENT
				      : now - clock_now(CLOCK_BOOTTIME);
		return 0;
	}
	if (read_ago(text, now, ret))
		return 0;
	*ret = moment_rfc3339(text, strlen(text));
	if (*ret)
		return 0;
	if (!localtime_r(&seconds, &local))
		return -EINVAL;
	if (read_time_of_day(text, &local))
		return moment_take_local(&local, ret);
	localtime_r(&seconds, &local);
	if (!read_day(text, first, &local)) {
		rest = strptime(text, "%Y-%m-%d", &local);
		if (!rest || (*rest && *rest != ' ' && *rest != 'T'))
			return -EINVAL;
		first = (size_t)(rest - text);
		local.tm_hour = local.tm_min = local.tm_sec = 0;
	}
	if (text[first] && !read_time_of_day(text + first + 1, &local))
		return -EINVAL;
	return moment_take_local(&local, ret);
}
