// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/command/bugreport.h"
#include "agent/command/policy_test.h"
#include "agent/command/explain.h"
#include "agent/self_test.h"
#include "agent/command/verify_command.h"
#include "base/cleanup.h"
#include "confine/privilege.h"
#include "health/endpoint.h"
#include "kernel/pins.h"

/* A descriptor of ours must not come to be what stdout or stderr means. Nothing can be written to what
 * stands in for stdout: an output there is refused. */
static void fill_standard_descriptors(void)
{
	static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			abort();
}

CLEANUP_DEFINE(drop_pins_of_command, struct pins *, pins_close)

/* Ends what is pinned, of whichever version, and says what it did. An agent that runs is left alone. */
static enum exit_code detach_pinned(const struct options *options)
{
	_cleanup_(drop_pins_of_command) struct pins *pins = NULL;
	struct sentence why = {0};
	struct pins_count count;
	int error;

	if (!options->pin) {
		fprintf(stderr, "callerd: --pin none: there is no directory to look at\n");
		return EXIT_USAGE;
	}
	error = pins_open(options->pin, false, &pins, &why);
	if (error == -ENOENT) {
		printf("nothing is pinned at %s\n", options->pin);
		return EXIT_OK;
	}
	if (!error)
		error = pins_count(pins, &count, &why);
	if (error) {
		fprintf(stderr, "callerd: nothing was detached: %s\n", why.text);
		return EXIT_FAILED;
	}
	count = pins_clear(pins);
	if (rmdir(options->pin)) {
		fprintf(stderr, "callerd: %s is not empty\n", options->pin);
		return EXIT_FAILED;
	}
	printf("detached %u programs and removed %u maps, which were pinned at %s\n", count.links,
	       count.maps, options->pin);
	return EXIT_OK;
}

/* Has the running agent test itself. False: there is none that could. */
static bool ask_running_agent(const struct options *options, enum exit_code *ret)
{
	_cleanup_(text_free) struct text report = {0};
	const char *path = options->metrics_socket;
	int error = path ? endpoint_ask_test(path, &report) : -ENOENT;

	if (error == -ENOENT || error == -ECONNREFUSED)
		return false;
	*ret = EXIT_FAILED;
	if (error && error != -EIO)
		fprintf(stderr, "callerd: the callerd at %s was not tested: %s\n", path,
			strerror(-error));
	else if (report.data) {
		fputs(report.data, stderr);
		*ret = self_test_code(text_since(&report, 0));
	}
	return true;
}

/* Alone, beside whatever is pinned: of an agent of its own, for the time of the test. */
static void prepare_test(struct options *options)
{
	options->pin = options->state_path = NULL;
	options->metrics_socket = options->control_socket = options->metrics_file = NULL;
	options->guard = GUARD_NONE;
	options->inventory = 0;
	options->status_interval = 0;
}

int main(int argc, char **argv)
{
	_cleanup_(options_free) struct options options = {0};
	struct agent *agent;
	enum exit_code code;
	int error;

	fill_standard_descriptors();
	if (argc > 1 && !strcmp(argv[1], "verify"))
		return verify_command(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "bugreport"))
		return bugreport(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "policy"))
		return policy_test(argc - 1, argv + 1);
	error = options_parse(argc, argv, &options);
	if (error)
		return error > 0 ? EXIT_OK : EXIT_USAGE;
	if (options.detach)
		return detach_pinned(&options);
	if (options.explain)
		return explain(&options, options.explain);
	if (options.self_test) {
		if (ask_running_agent(&options, &code))
			return code;
		prepare_test(&options);
	}
	code = privilege_check() ? EXIT_PRIVILEGE : agent_new(&options, argc, argv, &agent);
	if (code != EXIT_OK)
		return code;
	code = agent_run(agent);
	if (!agent_free(agent)) /* what hangs may have locked what exit() wants */
		_exit(code);
	return code;
}
