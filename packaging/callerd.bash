# SPDX-License-Identifier: Apache-2.0
# Completion of callerd for bash. The options are those that --help has.
_callerd()
{
	local cur prev words cword
	_init_completion || return
	case $prev in
	--config | --state | --record-events | --metrics-file | --key | --seal-file)
		_filedir
		return
		;;
	--socket | --metrics-socket | --control-socket)
		_filedir sock
		return
		;;
	--backend) mapfile -t COMPREPLY < <(compgen -W "auto trampoline tracepoint" -- "$cur") ;;
	--pin)
		_filedir -d
		return
		;;
	--confine) mapfile -t COMPREPLY < <(compgen -W "all none" -- "$cur") ;;
	--guard) mapfile -t COMPREPLY < <(compgen -W "all sockets none" -- "$cur") ;;
	--discover) mapfile -t COMPREPLY < <(compgen -W "auto yes no" -- "$cur") ;;
	--metrics-group | --control-group)
		mapfile -t COMPREPLY < <(compgen -g -- "$cur")
		;;
	--log-level) mapfile -t COMPREPLY < <(compgen -W "error warning info" -- "$cur") ;;
	--output)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W "stdout file: journal syslog syslog:unix: syslog:udp: syslog:tcp: syslog:tls:" -- "$cur")
		;;
	*)
		if [[ ${words[1]} == verify && $cur != -* ]]; then
			_filedir
		elif [[ ${words[1]} == verify ]]; then
			mapfile -t COMPREPLY < <(compgen -W "--key --seal-file --help" -- "$cur")
		elif [[ ${words[1]} == policy && $cword == 2 ]]; then
			mapfile -t COMPREPLY < <(compgen -W "test" -- "$cur")
		elif [[ ${words[1]} == policy && $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "--json --help" -- "$cur")
		elif [[ ${words[1]} == policy ]]; then
			_filedir
		elif [[ $cword == 1 && $cur != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "verify bugreport policy" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$(_parse_help "$1")" -- "$cur")
		fi
		;;
	esac
} &&
	complete -F _callerd callerd
