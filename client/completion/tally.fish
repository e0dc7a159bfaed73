# SPDX-License-Identifier: ISC
# fish completion for tally: verbs and options as the program itself lists them.
function __tally_verbs
    tally help | string match -rg '^  ([a-z]+) +(.*)$' | paste - - | string replace \n \t
end
function __tally_options
    set -l words (commandline -opc)
    tally help $words[2] 2>/dev/null | string match -rg '^  (--[a-z-]+)'
end
complete -c tally -n __fish_use_subcommand -f -a '(__tally_verbs)'
complete -c tally -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__tally_options)'
