// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "agent/agent.h"
#include "agent/privilege.h"

int main(int argc, char **argv)
{
	struct options options;
	struct agent *agent;
	enum exit_code code;
	int error = options_parse(argc, argv, &options);

	if (error)
		return error > 0 ? EXIT_OK : EXIT_USAGE;
	if (privilege_check())
		return EXIT_PRIVILEGE;
	code = agent_new(&options, &agent);
	if (code != EXIT_OK)
		return code;
	code = agent_run(agent);
	agent_free(agent);
	return code;
}
