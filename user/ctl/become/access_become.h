/* SPDX-License-Identifier: Apache-2.0 */
/* Who may become root, or somebody who may use an engine: grants of these, by the programs that let users do so. As root. */
#ifndef CALLERD_ACCESS_BECOME_H
#define CALLERD_ACCESS_BECOME_H

#include "ctl/grants/access_grant.h"

/* Asks sudo and polkit of each user; reads what doas lets each. */
void access_ask_sudo(struct access *access);
void access_ask_doas(struct access *access);
void access_ask_polkit(struct access *access);

#endif
