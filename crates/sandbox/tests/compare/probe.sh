# shellcheck shell=sh disable=SC2012 # names are few and known
# Prints `name<tab>value` for whatever a process can learn about where it is. For busybox's shell.
tab="$(printf '\t')"
fact() { echo "$1$tab$2"; }
fact id "$(id)"
fact folder "$(pwd) $(readlink /proc/self/cwd)"
fact umask "$(umask)"
fact "host name" "$(hostname) $(cat /etc/hostname)"
fact hosts "$(tr '\n\t' '; ' < /etc/hosts)"
fact terminal "$(tty 2>&1)"
fact input "$(readlink /proc/$$/fd/0)"
fact "process 1 is the command" "$(test -e /proc/1/exe && echo yes || echo no)"
fact "processes seen" "$(cd /proc && set -- [0-9]* && echo $#)"
fact "own number" "$$"
fact "control groups" "$(cut -d: -f3- /proc/self/cgroup | tr '\n' ' ')"
fact "control group files" "$(ls /sys/fs/cgroup | tr '\n' ' ')"
fact interfaces "$(ls /sys/class/net | tr '\n' ' ')"
fact addresses "$(ip -o addr | tr -s ' ' | cut -d' ' -f2-4 | tr '\n' ';')"
# The second number is an id of the namespace around, which is a runtime's where it has one.
for file in uid_map gid_map; do
  fact "/proc/self/$file" "$(while read -r inside _ count; do printf "%s %s;" "$inside" "$count"; done < /proc/self/$file)"
done
for file in self/setgroups self/oom_score_adj self/personality \
  self/timerslack_ns sys/kernel/hostname sys/net/ipv4/ip_unprivileged_port_start \
  sys/net/ipv4/ping_group_range; do
  fact "/proc/$file" "$(cat /proc/$file 2>&1 | tr -s ' \t\n' ' ')"
done
env | while IFS= read -r line; do
  number=$((number + 1))
  fact "variable $number" "$line"
done
for name in Umask Pid PPid NSpgid NSsid Uid Gid Groups CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs \
  Seccomp Seccomp_filters Cpus_allowed_list; do
  fact "status $name" "$(grep "^$name:" /proc/$$/status | cut -f2- | tr -s ' \t' ' ')"
done
while read -r line; do
  fact "limit $(echo "$line" | cut -c1-25 | tr -s ' ')" "$(echo "$line" | cut -c26- | tr -s ' ')"
done < /proc/self/limits
while read -r _ _ _ _ point flags rest; do
  rest="${rest#*- }"
  fact "mount $point" "${rest%% *} $flags"
done < /proc/self/mountinfo
for name in / /proc /sys /dev /dev/* /dev/pts/* /tmp /root /home/app /etc/hosts /etc/hostname; do
  fact "file $name" "$(stat -c '%F %a %u %g %t:%T' "$name") $(readlink "$name")"
done
for name in /proc/self/ns/*; do fact "namespace ${name##*/}" "$(readlink "$name")"; done
