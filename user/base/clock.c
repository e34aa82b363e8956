// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include "base/text.h"

#define S_PER_DAY 86400

uint64_t clock_now(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_real(int64_t boot_to_real, uint64_t boot_time)
{
	uint64_t real = boot_time + (uint64_t)boot_to_real;

	if (boot_to_real < 0 && real > boot_time)
		return 0;
	return real;
}

static char *put_digits(char *at, uint64_t number, unsigned int digits)
{
	for (unsigned int i = digits; i--; number /= 10)
		at[i] = (char)('0' + number % 10);
	return at + digits;
}

/* The Gregorian date of a day counted from 1970-01-01. Years are counted from March, so that the
 * leap day is the last of its year; an era is the 400 years (146097 days) after which all repeats.
 */
static char *put_date(char *at, uint64_t day)
{
	uint64_t since = day + 719468; /* 0000-03-01 */
	uint64_t era = since / 146097, day_of_era = since % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month_from_march = (5 * day_of_year + 2) / 153;
	uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

	at = put_digits(at, era * 400 + year_of_era + (month <= 2), 4);
	*at++ = '-';
	at = put_digits(at, month, 2);
	*at++ = '-';
	return put_digits(at, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

/* Writes HH:MM:SS.fraction, the fraction with DIGITS digits. */
static char *put_time(char *at, uint64_t real, unsigned int digits)
{
	uint64_t second = real / NS_PER_S % S_PER_DAY, fraction = real % NS_PER_S;

	for (unsigned int i = digits; i < 9; i++)
		fraction /= 10;
	at = put_digits(at, second / 3600, 2);
	*at++ = ':';
	at = put_digits(at, second / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, second % 60, 2);
	*at++ = '.';
	return put_digits(at, fraction, digits);
}

void clock_add_rfc3339_digits(struct text *out, uint64_t real, unsigned int digits)
{
	char buffer[40], *at = put_date(buffer, real / NS_PER_S / S_PER_DAY);

	*at++ = 'T';
	at = put_time(at, real, digits);
	*at++ = 'Z';
	text_add(out, buffer, (size_t)(at - buffer));
}

void clock_add_rfc3339(struct text *out, uint64_t real)
{
	clock_add_rfc3339_digits(out, real, 9);
}

void clock_add_time_of_day(struct text *out, uint64_t real)
{
	char buffer[16];

	text_add(out, buffer, (size_t)(put_time(buffer, real, 3) - buffer));
}

void clock_add_duration(struct text *out, uint64_t ns)
{
	static const struct {
		uint64_t below, unit;
		const char *name;
	} scale[] = {
		{NS_PER_MS, NS_PER_US, " µs"},
		{NS_PER_S, NS_PER_MS, " ms"},
		{120 * NS_PER_S, NS_PER_S, " s"},
		{UINT64_MAX, 60 * NS_PER_S, " min"},
	};
	unsigned int i = 0;

	while (i < 3 && ns >= scale[i].below)
		i++;
	text_add_number(out, ns / scale[i].unit);
	if (i && ns < 10 * scale[i].unit) { /* from ten units on a decimal says nothing */
		text_add_char(out, '.');
		text_add_number(out, ns % scale[i].unit * 10 / scale[i].unit);
	}
	text_add_string(out, scale[i].name);
}
