#compdef oras
# zsh completion for oras
#
# Loaded by:  source <(oras completion zsh)
# or kept as a file named _oras in a directory of $fpath.

_oras() {
    emulate -L zsh
    local output line name directive
    local -a lines candidates
    # The word under the cursor is sent also if it is empty.
    output=$("${words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    [[ -n $output ]] || return 1
    lines=("${(@f)output}")
    directive=${lines[-1]#:}
    lines=("${(@)lines[1,-2]}")
    # 1: an error. 4: no files.
    ((directive & 1)) && return 1
    for line in "${(@)lines}"; do
        name=${line%%$'\t'*}
        name=${name//:/\\:}
        if [[ $line == *$'\t'* ]]; then
            candidates+=("$name:${line#*$'\t'}")
        else
            candidates+=("$name")
        fi
    done
    if ((${#candidates})); then
        _describe 'oras' candidates && return 0
    fi
    if ((!(directive & 4))); then
        _files
        return
    fi
    return 1
}

# Loaded as a function it runs; sourced it registers itself.
if [[ ${funcstack[1]} == _oras ]]; then
    _oras "$@"
elif ((${+functions[compdef]})); then
    compdef _oras oras
fi
