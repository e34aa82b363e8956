/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_VERIFY_COMMAND_H
#define CALLERD_VERIFY_COMMAND_H

/* `callerd verify`: checks the chain of log files, and says on stdout what is wrong. ARGV[0] is "verify". Returns
 * an enum exit_code: EXIT_OK; EXIT_FAILED where a fault was found; EXIT_USAGE; EXIT_OUTPUT where a file cannot
 * be read. */
int verify_command(int argc, char **argv);

#endif
