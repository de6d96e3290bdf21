#!/bin/bash
# What a build leaves on its volume and nobody else is to have: keys, histories, logs, identities.
#   leftovers.sh remove [ROOT]   removes it: the last step of a build
#   leftovers.sh find [ROOT]     lists what is there from before; ends with an error if anything is
set -euo pipefail
shopt -s nullglob inherit_errexit
cd "${2:-/}"
cleaned=opt/hush/prove/cleaned

leftovers=(
    etc/hush/environment etc/ssh/ssh_host_*
    {root,home/*}/.ssh {root,home/*}/.aws {root,home/*}/.cache {root,home/*}/.*_history
    opt/hush/code/* tmp/hush-* var/tmp/* var/lib/dkms/mok.*
    var/cache/dnf var/lib/dnf/history* var/lib/dhclient/*
    var/lib/cloud/{data,instance,instances,sem}
    var/lib/systemd/random-seed var/lib/systemd/credential.secret var/log/journal/*
)

case "$1" in
    remove)
        rm -rf "${leftovers[@]}"
        find var/log -type f -delete
        # Empty, systemd gives each machine its own.
        : >etc/machine-id
        rm -f "$cleaned"
        touch "$cleaned"
        ;;
    find)
        # What was born since is of the machine that looks.
        since=$(stat --format=%.9W "$cleaned")
        places=(var/log)
        for place in "${leftovers[@]}"; do
            [ ! -e "$place" ] || places+=("$place")
        done
        found=$(
            find "${places[@]}" -type f -exec stat --format='%.9W %n' {} + |
                while read -r born place; do
                    # Both have nine digits after the point.
                    [ "${born/./}" -ge "${since/./}" ] || echo "$place"
                done
            find etc/machine-id -size +0c -not -newer "$cleaned"
            # Whenever it came: keys of AWS's, and private ones.
            grep --recursive --files-with-matches --binary-files=without-match --extended-regexp \
                --exclude-dir=ssh --exclude-dir=venv --exclude=leftovers.sh \
                --regexp='(AKIA|ASIA)[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY|aws_secret_access_key' \
                etc home opt/hush root || true
        )
        [ -z "$found" ] || { echo "left over: $found"; exit 1; }
        ;;
esac
