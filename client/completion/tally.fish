# SPDX-License-Identifier: ISC
# fish completion for tally: verbs and options as the program itself lists them.
function __tally_verbs
    tally help | string match -rg '^  ([a-z]+) +(.*)$' | paste - - | string replace \n \t
end
function __tally_options
    set -l words (commandline -opc)
    tally help $words[2] 2>/dev/null | string match -rg '^  (--[a-z-]+)'
end
function __tally_second
    set -l words (commandline -opc)
    test (count $words) -eq 2; and string match -q -- $argv[1] $words[2]
end
complete -c tally -n __fish_use_subcommand -f -a '(__tally_verbs)'
complete -c tally -n '__tally_second help' -f -a '(__tally_verbs)'
complete -c tally -n '__tally_second charter' -f -a 'new sign show amend'
complete -c tally -n '__tally_second receipt' -f -a 'show verify'
complete -c tally -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__tally_options)'
