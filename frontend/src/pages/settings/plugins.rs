//! The plugins that were found: taken, and refused with the reason.

use arborist_shared::api::plugins::Plugins;
use yew::prelude::*;

use crate::api;
use crate::components::{Empty, Icon, Lines, Panel, icon, show};
use crate::format;
use crate::hooks::use_query;

#[component]
pub fn PluginList() -> Html {
    let plugins = use_query((), |()| api::plugins());
    html! {
        <>{ show(&plugins, html! { <Panel title="Installed"><Lines count={5} /></Panel> }, ready) }</>
    }
}

fn ready(plugins: &Plugins) -> Html {
    html! {
        <div class="ab-stack">
            <Panel title="Installed" flush=true testid="plugins">
                if plugins.methods.is_empty() {
                    <Empty icon={Icon::Plug} title="No plugin is installed">{ "The server looks for plugins beside its executable, and where " }<code>{ "--plugins" }</code>{ " points." }</Empty>
                } else {
                    <div class="ab-scroll"><table class="ab-table">
                        <thead><tr><th scope="col">{ "Method" }</th><th scope="col">{ "Name" }</th><th scope="col">{ "Version" }</th><th scope="col">{ "Interface" }</th><th scope="col">{ "libtorch" }</th></tr></thead>
                        <tbody>
                            for plugin in plugins.methods.iter() {
                                <tr key={plugin.name.clone()}>
                                    <th scope="row">{ &plugin.manifest.title }<span class="ab-table__under ab-table__under--wrap">{ &plugin.manifest.summary }</span></th>
                                    <td><code>{ &plugin.name }</code></td>
                                    <td>{ &plugin.version }</td>
                                    <td>{ format!("ABI {}", plugin.abi) }</td>
                                    <td>{ plugin.libtorch.clone().unwrap_or_else(|| "not needed".into()) }</td>
                                </tr>
                            }
                        </tbody>
                    </table></div>
                }
            </Panel>
            if !plugins.refused.is_empty() {
                <Panel title="Refused" testid="refused-plugins" hint="A library runs with the rights of the server, so only approved ones are loaded.">
                    <ul class="ab-refused">
                        for plugin in plugins.refused.iter() {
                            <li key={plugin.path.clone()}><span class="ab-refused__icon">{ icon(Icon::Warning) }</span><div><code title={plugin.path.clone()}>{ format::middle(&plugin.path, 90) }</code><p>{ api::sentence(&plugin.reason) }</p></div></li>
                        }
                    </ul>
                    <p class="ab-muted">{ "Approve one on the server with " }<code>{ "arborist plugins add FILE" }</code>{ "." }</p>
                </Panel>
            }
        </div>
    }
}
