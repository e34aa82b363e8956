/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of `podman kube play`, a list of them (shape_kube), judged as what Podman makes of them. */
#ifndef CALLERD_KUBE_H
#define CALLERD_KUBE_H

#include "docker/judge/judge.h"

void kube_judge(struct judging *judging);
void kube_judge_down(struct judging *judging); /* that they are removed */

#endif
