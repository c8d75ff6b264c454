# bash completion for oras
#
# Loaded by:  source <(oras completion bash)

# Splits the line up to the cursor at blanks. COMP_WORDS is split at colons and equals signs, too,
# which references, digests and flags are full of.
__oras_words() {
    local rest=${COMP_LINE:0:COMP_POINT} index part
    words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        part=${COMP_WORDS[index]}
        if ((index == 0)) || [[ $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("")
        fi
        if ((index == COMP_CWORD)); then
            part=$rest
        fi
        words[${#words[@]} - 1]+=$part
        rest=${rest#"$part"}
    done
}

__oras_complete() {
    local words lines line directive current name IFS=$' \t\n'
    COMPREPLY=()
    __oras_words
    current=${words[${#words[@]} - 1]}
    # ~ and quotes are left to the shell to resolve only when the line runs.
    mapfile -t lines < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
    ((${#lines[@]})) || return 0
    directive=${lines[${#lines[@]} - 1]#:}
    unset 'lines[${#lines[@]}-1]'
    # 1: an error. 4: no files. Without 4, what is left empty is completed with files.
    ((directive & 1)) && return 0
    if ((directive & 4)); then
        compopt +o default 2>/dev/null
    fi
    ((directive & 2)) && compopt -o nospace 2>/dev/null
    local width=0
    for line in "${lines[@]}"; do
        name=${line%%$'\t'*}
        [[ $name == "$current"* ]] || continue
        COMPREPLY+=("$line")
        ((${#name} > width)) && width=${#name}
    done
    # What each is for is told where they are listed (63, 33), and is not inserted into the line.
    local index told
    for index in "${!COMPREPLY[@]}"; do
        line=${COMPREPLY[index]}
        name=${line%%$'\t'*}
        told=""
        if [[ $line == *$'\t'* && ${#COMPREPLY[@]} -gt 1 && (${COMP_TYPE:-9} -eq 63 || ${COMP_TYPE:-9} -eq 33) ]]; then
            printf -v told "%$((width - ${#name}))s  (%s)" "" "${line#*$'\t'}"
        fi
        COMPREPLY[index]=$name$told
    done
    # What stands before the last colon or equals sign is on the line already.
    local before=${current%"${current##*[:=]}"}
    if [[ -n $before && $COMP_WORDBREAKS == *[:=]* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}

complete -o default -F __oras_complete oras
