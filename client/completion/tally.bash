# SPDX-License-Identifier: ISC
# bash completion for tally: verbs and options as the program itself lists them.
_tally() {
    local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "help $(tally help | awk '/^  [a-z]/ {print $1}')" -- "$word")
    elif [[ $word == --* ]]; then
        mapfile -t COMPREPLY < <(compgen -W \
            "$(tally help "$verb" 2>/dev/null | awk '/^  --/ {print $1}')" -- "$word")
    elif [ "$COMP_CWORD" -eq 2 ] && [ "$verb" = charter ]; then
        mapfile -t COMPREPLY < <(compgen -W "new sign show amend" -- "$word")
    elif [ "$COMP_CWORD" -eq 2 ] && [ "$verb" = receipt ]; then
        mapfile -t COMPREPLY < <(compgen -W "show verify" -- "$word")
    elif [ "$verb" = help ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(tally help | awk '/^  [a-z]/ {print $1}')" -- "$word")
    fi
}
complete -o default -o bashdefault -F _tally tally
