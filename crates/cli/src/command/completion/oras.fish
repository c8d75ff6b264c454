# fish completion for oras
#
# Loaded by:  oras completion fish | source

function __oras_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    test (count $lines) -gt 0; or return
    set -l directive (string replace -r '^:' '' -- $lines[-1])
    set -e lines[-1]
    # 1: an error. 4: no files.
    test (math "$directive % 2") -eq 0; or return
    if test (count $lines) -gt 0
        printf '%s\n' $lines
    else if test (math "floor($directive / 4) % 2") -eq 0
        __fish_complete_path "$current"
    end
end

complete -c oras -e
complete -c oras -f -a '(__oras_complete)'
