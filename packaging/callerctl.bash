# SPDX-License-Identifier: Apache-2.0
# Completion of callerctl for bash. The commands and options are those that --help has.
_callerctl()
{
	local cur prev words cword
	_init_completion || return
	case $prev in
	--read | -r | --policy)
		_filedir
		return
		;;
	--as)
		case ${words[1]} in
		advise) words=(expected policy wollomatic tecnativa linuxserver opa check) ;;
		report) words=(text html csv) ;;
		findings) words=(catalog) ;;
		*) words=() ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
		return
		;;
	--since | -S | --until | -U)
		mapfile -t COMPREPLY < <(compgen -W "now recent boot today yesterday this-week week-ago this-month this-year" -- "$cur")
		return
		;;
	--unused)
		mapfile -t COMPREPLY < <(compgen -W "30d 90d 365d" -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur")
		return
		;;
	--where | -w | --lines | -n | --width) return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(callerctl --help | sed -n 's/.*\(--[a-z-]*\).*/\1/p')" -- "$cur")
	elif [[ $cword == 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(callerctl --help | sed -n 's/^  \([a-z]\+\) .*/\1/p')" -- "$cur")
	elif [[ $prev == findings || $prev == operations ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(callerctl "$prev" | cut -d ' ' -f 1)" -- "$cur")
	elif [[ ${words[1]} == who ]]; then
		mapfile -t COMPREPLY < <(compgen -W "pid: container: ip: job:" -- "$cur")
		compopt -o nospace
	elif [[ $prev == what || $prev == advise ]]; then
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
	elif [[ ${words[1]} == check ]]; then
		_filedir
	fi
} &&
	complete -F _callerctl callerctl
