//! The outermost frame: theme, address, messages, and whether somebody is signed in.

use std::panic::PanicHookInfo;

use arborist_shared::api::accounts::{Session, User};
use yew::prelude::*;
use yew_router::prelude::*;

use crate::api;
use crate::components::toast::ToastProvider;
use crate::components::{Failure, Icon, icon};
use crate::hooks::query::Loading;
use crate::hooks::theme::ThemeProvider;
use crate::hooks::use_query;
use crate::pages::first_start::FirstStartPage;
use crate::pages::sign_in::SignInPage;
use crate::shell::Shell;

/// Who is signed in.
#[derive(Clone, PartialEq)]
pub struct Account {
    pub user: User,
    /// Of the server.
    pub version: String,
    /// Asks the server again who is signed in.
    pub reload: Callback<()>,
}

#[component]
pub fn App() -> Html {
    html! {
        <ThemeProvider>
            <BrowserRouter>
                <ToastProvider>
                    <Gate />
                </ToastProvider>
            </BrowserRouter>
        </ThemeProvider>
    }
}

/// Lets people in. The address stays as it is, so that signing in leads to where one wanted to go.
#[component]
fn Gate() -> Html {
    let session = use_query((), |()| api::session());
    {
        let reload = session.reload.clone();
        use_effect_with((), move |()| api::on_signed_out(reload));
    }
    match &session.state {
        Loading::Waiting => {
            // As `index.html` has it, so that nothing jumps between the two.
            html! {
                <div class="ab-boot" role="status" data-testid="state-loading">
                    <span class="ab-boot__mark ab-brand__mark" aria-hidden="true">{ icon(Icon::Mark) }</span>
                    <p class="ab-boot__title">{ "Arborist" }</p>
                    <p class="ab-boot__text">{ "Loading" }</p>
                </div>
            }
        }
        Loading::Failed(error) => html! {
            <main class="ab-lone"><Failure error={error.clone()} retry={session.reload.clone()} /></main>
        },
        Loading::Ready(loaded) => inside(&loaded.data, &session.reload),
    }
}

fn inside(session: &Session, reload: &Callback<()>) -> Html {
    if session.first_start {
        return html! { <FirstStartPage done={reload.clone()} /> };
    }
    let Some(user) = session.user.clone() else {
        return html! { <SignInPage done={reload.clone()} /> };
    };
    let account = Account {
        user,
        version: session.version.clone(),
        reload: reload.clone(),
    };
    html! {
        <ContextProvider<Account> context={account}><Shell /></ContextProvider<Account>>
    }
}

/// A panic ends the module; the page says so instead of standing still.
pub fn tell_of_panic(info: &PanicHookInfo<'_>) {
    let message = info.to_string();
    web_sys::console::error_1(&message.clone().into());
    let Some(document) = web_sys::window().and_then(|window| window.document()) else {
        return;
    };
    let (Ok(sheet), Some(body)) = (document.create_element("div"), document.body()) else {
        return;
    };
    sheet.set_class_name("ab-panic");
    let _ = sheet.set_attribute("role", "alert");
    sheet.set_inner_html(
        "<p class=\"ab-failure__title\">The page has stopped</p><p>What you saved is safe on the server. Load the page again to go on.</p>\
         <p><a class=\"pf-v6-c-button pf-m-primary\" href=\"\"><span class=\"pf-v6-c-button__text\">Load again</span></a></p><details><summary>Technical detail</summary><pre></pre></details>",
    );
    if let Ok(Some(detail)) = sheet.query_selector("pre") {
        detail.set_text_content(Some(&message));
    }
    let _ = body.append_child(&sheet);
}
