# bash completion for wasm-sandbox                                       -*- shell-script -*-

_wasm_sandbox()
{
    local cur prev words cword
    if declare -F _init_completion >/dev/null; then
        _init_completion -n =: || return
    else
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=${COMP_WORDS[COMP_CWORD - 1]}
    fi

    local commands="run call inspect compile engines help"
    local grants="--dir --dir-rw --env --stdin --seed"
    local limits="--memory --timeout --cpu-time --fuel --stack --max-files --max-output
        --max-read --max-write --max-table"
    local common="--engine --engine-path --no-cache --bound --config --verbose --help"
    local options=""

    if ((cword == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
        return
    fi

    case ${words[1]} in
        run) options="$grants --argv0 $limits --usage --usage=json $common" ;;
        call) options="$grants --json --json-file --msgpack-file --raw $limits --usage --usage=json
            $common" ;;
        inspect) options="--json $common" ;;
        compile) options="--output --fuel --stack $common" ;;
        engines) options="--json --engine --engine-path --config --help" ;;
        help)
            ((cword == 2)) && mapfile -t COMPREPLY < <(compgen -W "${commands% help}" -- "$cur")
            return
            ;;
        *) return ;;
    esac

    # What follows PROGRAM belongs to the guest, which knows files.
    local i word
    if [[ ${words[1]} == run ]]; then
        for ((i = 2; i < cword; i++)); do
            word=${words[i]}
            case $word in
                --dir | --dir-rw | --env | --stdin | --seed | --argv0 | --memory | --timeout | \
                    --cpu-time | --fuel | --stack | --max-* | --engine | --engine-path | --config)
                    ((i++))
                    ;;
                -*) ;;
                *)
                    compopt -o default 2>/dev/null
                    return
                    ;;
            esac
        done
    fi

    case $prev in
        --dir | --dir-rw)
            mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            compopt -o filenames -o nospace 2>/dev/null
            return
            ;;
        --stdin | --engine-path | --config | --json-file | --msgpack-file | --output | -o)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            compopt -o filenames 2>/dev/null
            return
            ;;
        --env)
            mapfile -t COMPREPLY < <(compgen -e -- "$cur")
            return
            ;;
        --engine)
            mapfile -t COMPREPLY < <(compgen -W "$(wasm-sandbox engines --json 2>/dev/null |
                sed -n 's/^ *"id": "\([a-z0-9_-]*\)".*/\1/p')" -- "$cur")
            return
            ;;
        --memory | --stack | --max-output | --max-read | --max-write)
            mapfile -t COMPREPLY < <(compgen -W "1MiB 16MiB 64MiB 256MiB 1GiB unlimited" -- "$cur")
            return
            ;;
        --timeout | --cpu-time)
            mapfile -t COMPREPLY < <(compgen -W "100ms 1s 5s 30s 1min unlimited" -- "$cur")
            return
            ;;
        --fuel | --max-files | --max-table | --seed | --argv0 | --json)
            [[ $prev != --json || ${words[1]} == call ]] && return
            ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    else
        mapfile -t COMPREPLY < <(
            compgen -d -- "$cur"
            compgen -f -X '!*.@(wasm|wat|cwasm)' -- "$cur"
        )
        compopt -o filenames 2>/dev/null
    fi
}

# The pattern above is an extended one.
shopt -s extglob
complete -F _wasm_sandbox wasm-sandbox
