//! Linux: files of `/proc` and `/sys`, a few system calls, the system bus.

mod blocks;
pub(crate) mod bus;
mod cable;
mod clock;
mod device;
mod firewall;
mod firmware;
mod hardware;
mod hardware_errors;
mod journal;
mod kmsg;
mod lease;
mod machine;
mod memory;
mod memory_dir;
mod netlink;
mod network;
mod network_manager;
mod own;
mod people;
mod power;
mod printer;
mod process;
mod processor;
mod proxy;
mod sensors;
mod service;
mod smart;
mod sockets;
mod software;
mod storage;
mod throttle;
mod timesync;
mod tunnel;
mod update;
mod wifi;
mod writers;

pub(crate) use blocks::{filesystem_errors, is_encrypted};
pub(crate) use cable::{cable, faults, mtu_bytes};
pub(crate) use clock::{awake, since_boot, thread_cpu};
pub(crate) use device::{camera_in_use, cameras, device_stamp, devices, displays, docks, sound_runs};
pub(crate) use firewall::firewall;
pub(crate) use firmware::{firmware_date, secure_boot, serial_number, tpm};
pub(crate) use hardware::hardware;
pub(crate) use hardware_errors::hardware_errors;
pub(crate) use journal::Journal;
pub(crate) use kmsg::KernelLog;
pub(crate) use lease::lease;
pub(crate) use machine::{boot_id, boot_seconds, identity, uptime_seconds};
pub(crate) use memory::{compressed_bytes, meminfo, pressure, vmstat};
pub(crate) use memory_dir::{is_memory, memory_dirs};
pub(crate) use network::{
    default_route, default_routes, duplex, interface_index, interfaces, is_up, neighbour, resolv, resolver, speed,
    traffic,
};
pub(crate) use network_manager::{connectivity, managed_vpns, metered};
pub(crate) use own::{kill_group, make_humble, own_cpu, own_memory_bytes};
pub(crate) use people::people;
pub(crate) use power::{battery_low, charge_limits, power, power_mode};
pub(crate) use printer::{print_queues, print_stamp};
pub(crate) use process::{
    TICKS_PER_SECOND, each_process, executable, file_table, hung_tasks, page_bytes, proportional_bytes, usage,
};
pub(crate) use processor::{load, stat};
pub(crate) use proxy::proxies;
pub(crate) use sensors::{read_sensor, sensors};
pub(crate) use service::failed_units;
pub(crate) use smart::{health, nvme_log};
pub(crate) use sockets::{ephemeral_ports, segments, tcp_sockets};
pub(crate) use software::{autostart, drivers, package_managers, packages};
pub(crate) use storage::{arrays, disks, mounts, place_of_disk, space, traits, wanted_writable};
pub(crate) use throttle::{throttle, throttle_places};
pub(crate) use timesync::{clock_discipline, time_source, time_zone_name};
pub(crate) use tunnel::{last_handshake, tunnels};
pub(crate) use update::{lists_seconds, packaged, packaged_stamp, restart_due, update_diary, updates_by_themselves};
pub(crate) use wifi::{radios, wireless};
pub(crate) use writers::written;
