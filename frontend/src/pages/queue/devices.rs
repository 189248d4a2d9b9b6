//! The devices of the server, with what they are doing at this moment.

use arborist_shared::api::accounts::Role;
use arborist_shared::api::queue::{Device, DeviceState};
use yew::prelude::*;

use super::use_action;
use crate::api;
use crate::app::Account;
use crate::components::{Button, Panel, Variant};
use crate::format;

#[derive(PartialEq, Properties)]
pub struct DevicesProps {
    pub devices: Vec<Device>,
}

#[component]
pub fn Devices(props: &DevicesProps) -> Html {
    html! {
        <Panel title="Devices" hint="A job starts only where the memory that it needs is free. Small jobs share a GPU." testid="devices">
            <ul class="ab-devices">
                for device in &props.devices { <DeviceCard key={device.name.clone()} device={device.clone()} /> }
            </ul>
        </Panel>
    }
}

#[derive(PartialEq, Properties)]
struct DeviceCardProps {
    device: Device,
}

#[component]
fn DeviceCard(props: &DeviceCardProps) -> Html {
    let device = &props.device;
    let action = use_action();
    let role = use_context::<Account>().map(|account| account.user.role);
    let facts = facts(device);
    let used = device
        .memory_total_bytes
        .zip(device.memory_free_bytes)
        .map(|(total, free)| total.saturating_sub(free) as f64 / total.max(1) as f64);
    let set = |label: &'static str, title: &'static str, state: DeviceState| {
        let (action, name) = (action.clone(), device.name.clone());
        let onclick = Callback::from(move |_: MouseEvent| {
            let name = name.clone();
            action.ask("The device could not be changed", async move {
                api::change_device(&name, state).await
            });
        });
        html! { <Button {label} {title} small=true variant={Variant::Link} testid={format!("device-{}-{}", device.name, label.to_lowercase())} {onclick} /> }
    };
    let state = match device.state {
        DeviceState::Enabled => "",
        DeviceState::Draining => "takes no more jobs",
        DeviceState::Disabled => "disabled",
    };
    html! {
        <li class={classes!("ab-device", (device.state != DeviceState::Enabled).then_some("ab-device--closed"))} data-testid={format!("device-{}", device.name)}>
            <div class="ab-device__head"><strong>{ &device.name }</strong><span class="ab-muted">{ &device.title }</span>
                if !state.is_empty() { <span class="ab-device__state">{ state }</span> }
            </div>
            if let Some(used) = used {
                <div class="ab-bar" role="meter" aria-label="Memory in use" aria-valuemin="0" aria-valuemax="100" aria-valuenow={format!("{:.0}", used * 100.0)}>
                    <span class="ab-bar__fill" style={format!("inline-size: {:.1}%", used * 100.0)} />
                </div>
            }
            <p class="ab-device__facts">{ facts.join(" · ") }</p>
            if let Some(problem) = &device.problem { <p class="ab-device__problem" role="alert">{ problem }</p> }
            if role == Some(Role::Admin) {
                <div class="ab-device__actions">
                    if device.state != DeviceState::Enabled { { set("Enable", "Takes jobs again", DeviceState::Enabled) } }
                    if device.state == DeviceState::Enabled { { set("Drain", "Takes no more jobs; those at work go on", DeviceState::Draining) } }
                    if device.state != DeviceState::Disabled { { set("Disable", "Takes no more jobs; those at work go back to the queue", DeviceState::Disabled) } }
                </div>
            }
        </li>
    }
}

fn facts(device: &Device) -> Vec<String> {
    let mut facts = Vec::new();
    let n = device.jobs.len() as u64;
    facts.push(match device.slots {
        Some(slots) => format!(
            "{} of {}",
            n,
            format::counted(u64::from(slots), "job", "jobs")
        ),
        None => format::counted(n, "job", "jobs"),
    });
    if let (Some(free), Some(total)) = (device.memory_free_bytes, device.memory_total_bytes) {
        facts.push(format!(
            "{} of {} free",
            format::bytes(free),
            format::bytes(total)
        ));
    }
    if device.memory_promised_bytes > 0 {
        facts.push(format!(
            "{} promised",
            format::bytes(device.memory_promised_bytes)
        ));
    }
    if let Some(utilization) = device.utilization {
        facts.push(format!("{:.0}% busy", utilization * 100.0));
    }
    if let Some(temperature) = device.temperature {
        facts.push(format!("{temperature} °C"));
    }
    facts.push(format!(
        "{} each",
        format::counted(u64::from(device.threads), "thread", "threads")
    ));
    facts
}
