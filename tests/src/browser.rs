//! Headless Chromium behind chromedriver.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A browser of its own, with a fresh profile.
pub struct Browser {
    pub driver: WebDriver,
    chromedriver: Child,
    profile: tempfile::TempDir,
    screenshots: PathBuf,
}

impl Browser {
    /// Starts chromedriver and Chromium, `width` × `height` pixels.
    ///
    /// # Errors
    /// When either cannot be started (`cargo xtask setup` installs both).
    pub async fn start(width: u32, height: u32) -> anyhow::Result<Self> {
        let chromedriver = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
        let mut child = Command::new(&chromedriver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {chromedriver}"))?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut port = None;
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("on port ") {
                port = rest.trim_end_matches('.').parse::<u16>().ok();
                if port.is_some_and(|port| port > 0) {
                    break;
                }
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let port = port.context("chromedriver named no port")?;
        let profile = tempfile::tempdir()?;
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            &format!("--user-data-dir={}", profile.path().display()),
            &format!("--window-size={width},{height}"),
        ] {
            capabilities.add_arg(argument)?;
        }
        let driver = WebDriver::new(&format!("http://127.0.0.1:{port}"), capabilities).await?;
        let screenshots = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screenshots");
        std::fs::create_dir_all(&screenshots)?;
        Ok(Self {
            driver,
            chromedriver: child,
            profile,
            screenshots,
        })
    }

    /// Saves what is to be seen as `screenshots/<name>.png`.
    ///
    /// # Errors
    /// When the picture cannot be taken or written.
    pub async fn screenshot(&self, name: &str) -> anyhow::Result<()> {
        let path = self.screenshots.join(format!("{name}.png"));
        self.driver
            .screenshot(&path)
            .await
            .with_context(|| format!("writing {}", path.display()))
    }

    /// The element with this `data-testid`, once it is there.
    ///
    /// # Errors
    /// When it does not appear within a minute; tells what is there instead.
    pub async fn find(&self, test_id: &str) -> anyhow::Result<WebElement> {
        let element = self
            .driver
            .query(By::Css(format!("[data-testid='{test_id}']")))
            .wait(PATIENCE, POLL)
            .first()
            .await;
        match element {
            Ok(element) => Ok(element),
            Err(error) => {
                let _ = self.screenshot(&format!("missing-{test_id}")).await;
                let place = self.place().await;
                Err(error)
                    .with_context(|| format!("no element with data-testid {test_id}, but {place}"))
            }
        }
    }

    /// Address and first words of the page that is open, for an error.
    async fn place(&self) -> String {
        let script = "return location.href + ': ' + (document.body?.innerText ?? '').slice(0, 600)";
        match self.ask(script).await {
            Ok(place) => place.as_str().unwrap_or_default().to_owned(),
            Err(error) => format!("a browser that does not answer: {error}"),
        }
    }

    /// Brings an element into view and waits until it stands still: a click goes to a place, not to an element.
    async fn still(&self, element: &WebElement) -> anyhow::Result<()> {
        element.scroll_into_view().await?;
        let script = "const [one, done] = arguments; \
            const place = () => { const at = one.getBoundingClientRect(); return [at.x, at.y, at.width, at.height].join(); }; \
            const look = (last, same) => same === 3 ? done(null) : requestAnimationFrame(() => { \
                const now = place(); look(now, now === last ? same + 1 : 0); }); \
            look(place(), 0);";
        self.driver
            .execute_async(script, vec![element.to_json()?])
            .await?;
        Ok(())
    }

    /// Does something with an element, and again with the one in its place while the page draws it anew or something
    /// slides over it.
    ///
    /// # Errors
    /// When it cannot be done within a minute.
    async fn patiently<T>(
        &self,
        what: &str,
        mut action: impl AsyncFnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            match action().await {
                Err(error) if passes(&error) && std::time::Instant::now() < end => {
                    tokio::time::sleep(POLL).await;
                }
                Err(error) => {
                    let place = self.place().await;
                    return Err(error).with_context(|| format!("{what}, at {place}"));
                }
                done => return done,
            }
        }
    }
}

/// A story that fails leaves no browser behind, and does not wait for the answer of one.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(id) = self.chromedriver.id() {
            // Fails when the story has ended the browser itself.
            let _ = std::process::Command::new("pkill")
                .args(["-KILL", "-P", &id.to_string()])
                .status();
            let _ = self.chromedriver.start_kill();
            let _ = self.driver.clone().leak();
        }
    }
}

/// How long a page may take to show something: far longer than it does, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// From one look at a page to the next.
const POLL: Duration = Duration::from_millis(50);

/// Whether an error is of the moment: the element was replaced or covered between being found and being used.
fn passes(error: &anyhow::Error) -> bool {
    use thirtyfour::error::WebDriverErrorInner::{
        ElementClickIntercepted, ElementNotInteractable, StaleElementReference,
    };
    error.downcast_ref::<WebDriverError>().is_some_and(|error| {
        matches!(
            error.as_inner(),
            StaleElementReference(_) | ElementClickIntercepted(_) | ElementNotInteractable(_)
        )
    })
}

/// How high a window may become that shows all of a page.
const HIGHEST: u64 = 12_000;

/// With the keyboard alone.
impl Browser {
    /// Presses keys where the focus is.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn press(&self, keys: impl Into<TypingData>) -> anyhow::Result<()> {
        let focused = self.driver.active_element().await?;
        focused.send_keys(keys).await?;
        Ok(())
    }

    /// Moves the focus with the tab key until it is on what has this `data-testid`, and it can be seen there.
    ///
    /// # Errors
    /// When the tab key does not lead there, or the focus cannot be seen.
    pub async fn tab_to(&self, test_id: &str) -> anyhow::Result<()> {
        self.find(test_id).await?;
        let script = "const one = document.activeElement; \
            const visible = one => { const style = getComputedStyle(one); \
                return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none'; }; \
            const drawn = [one, one.parentElement, one.closest('label'), one.closest('li')].filter(Boolean); \
            return [one.dataset.testid ?? '', one.matches(':focus-visible') && drawn.some(visible)]";
        let mut passed = Vec::new();
        for _ in 0..200 {
            let at = self.ask(script).await?;
            if at[0] == test_id {
                ensure!(at[1] == true, "the focus cannot be seen on {test_id}");
                return Ok(());
            }
            passed.push(at[0].to_string());
            self.press(Key::Tab).await?;
        }
        anyhow::bail!("the tab key does not lead to {test_id}, but to {passed:?}")
    }

    /// Files that links download come here.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn downloads(&self) -> anyhow::Result<PathBuf> {
        let folder = self.profile.path().join("downloads");
        std::fs::create_dir_all(&folder)?;
        self.driver
            .cdp()
            .send_raw(
                "Browser.setDownloadBehavior",
                serde_json::json!({"behavior": "allow", "downloadPath": folder}),
            )
            .await?;
        Ok(folder)
    }

    /// Runs a script on every page that is opened from now on, before its own.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn before_each_page(&self, script: &str) -> anyhow::Result<()> {
        self.driver
            .cdp()
            .send_raw(
                "Page.addScriptToEvaluateOnNewDocument",
                serde_json::json!({"source": script}),
            )
            .await?;
        Ok(())
    }

    /// Records from now on what moves on a page while nobody touches it; [`moved`](Self::moved) tells.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn watch_moves(&self) -> anyhow::Result<()> {
        self.before_each_page(
            "window.moves = []; \
            new PerformanceObserver(list => window.moves.push(...list.getEntries().filter(one => !one.hadRecentInput))) \
                .observe({type: 'layout-shift', buffered: true})",
        )
        .await
    }

    /// What of this selector moved by itself since the page was opened, as the beginnings of its markup.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn moved(&self, selector: &str) -> anyhow::Result<Vec<String>> {
        let script = "const [selector, done] = arguments; \
            const nodes = () => window.moves.flatMap(one => one.sources.map(source => source.node)); \
            const moved = () => nodes().filter(node => node instanceof Element && node.matches(selector)); \
            requestAnimationFrame(() => requestAnimationFrame(() => \
                done(moved().map(node => node.outerHTML.slice(0, 120)))))";
        let answer = self
            .driver
            .execute_async(script, vec![selector.into()])
            .await?;
        Ok(answer.convert()?)
    }

    /// Saves all of the page as [`screenshot`](Self::screenshot) saves what is to be seen of it: in a window that is
    /// as high as the page is long.
    ///
    /// # Errors
    /// When the picture cannot be taken or written.
    pub async fn whole(&self, name: &str) -> anyhow::Result<()> {
        let window = self.driver.get_window_rect().await?;
        let (width, height) = (u32::try_from(window.width)?, u32::try_from(window.height)?);
        // On a large screen a page is seen without scrolling, or not worth a picture of that size.
        if width > 1280 {
            return self.screenshot(name).await;
        }
        let script = "const main = document.getElementById('main') ?? document.documentElement; \
            return main.scrollHeight - main.clientHeight";
        let mut tall = u64::from(height);
        // What is as high as a part of the window grows with it.
        for _ in 0..3 {
            let hidden = self.ask(script).await?.as_u64().unwrap_or_default();
            if hidden == 0 || tall == HIGHEST {
                break;
            }
            tall = (tall + hidden).min(HIGHEST);
            self.resize(width, u32::try_from(tall)?).await?;
        }
        self.screenshot(name).await?;
        if tall > u64::from(height) {
            self.resize(width, height).await?;
        }
        Ok(())
    }
}

impl Browser {
    /// Signs in as the administrator that [`Server::first_start`](crate::Server::first_start) made.
    ///
    /// # Errors
    /// When the page for it does not lead to the projects.
    pub async fn sign_in(&self, url: &str) -> anyhow::Result<()> {
        self.driver.goto(format!("{url}/sign-in")).await?;
        self.find("sign-in-name").await?.send_keys("admin").await?;
        self.find("sign-in-password")
            .await?
            .send_keys(crate::PASSWORD)
            .await?;
        self.find("sign-in").await?.click().await?;
        self.find("next-step").await?;
        Ok(())
    }

    /// Chooses the colours of the pages that are opened from now on.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn theme(&self, theme: &str) -> anyhow::Result<()> {
        self.driver
            .execute(
                "localStorage.setItem('arborist:theme', arguments[0]);",
                vec![theme.into()],
            )
            .await?;
        Ok(())
    }

    /// What the system prefers, `light` or `dark`: pages that nobody chose a theme for follow at once.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn scheme(&self, scheme: &str) -> anyhow::Result<()> {
        let media =
            serde_json::json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.driver
            .cdp()
            .send_raw("Emulation.setEmulatedMedia", media)
            .await?;
        Ok(())
    }

    /// Looks at the page as it stands, in each of these windows and in both themes: nothing sticks out, and pictures
    /// `<name>-<width>-<theme>` show all of it. The window is the first one afterwards, the theme light.
    ///
    /// # Errors
    /// When something sticks out, or a picture cannot be taken.
    pub async fn look(&self, name: &str, windows: &[(u32, u32)]) -> anyhow::Result<()> {
        for theme in ["dark", "light"] {
            self.scheme(theme).await?;
            for (width, height) in windows.iter().rev() {
                self.resize(*width, *height).await?;
                self.fits(&format!("{name}, {theme}")).await?;
                self.whole(&format!("{name}-{width}-{theme}")).await?;
            }
        }
        Ok(())
    }

    /// Waits until nothing on the page is loading any more.
    ///
    /// # Errors
    /// When something still loads after a minute.
    pub async fn settled(&self) -> anyhow::Result<()> {
        self.driver
            .query(By::Id("main"))
            .wait(PATIENCE, POLL)
            .first()
            .await?;
        crate::wait_for("the page to load", PATIENCE.as_secs(), async || {
            Ok(self
                .driver
                .find_all(By::Css("[data-testid='state-loading']"))
                .await?
                .is_empty()
                .then_some(()))
        })
        .await
    }

    /// Goes to another page as a click on a link would, without asking the server for the page itself.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn navigate(&self, path: &str) -> anyhow::Result<()> {
        let script = "history.pushState(null, '', arguments[0]); window.dispatchEvent(new PopStateEvent('popstate'));";
        self.driver.execute(script, vec![path.into()]).await?;
        Ok(())
    }

    /// Clicks what has this `data-testid`, once it can be clicked.
    ///
    /// # Errors
    /// When it is not there, or something lies over it.
    pub async fn click(&self, test_id: &str) -> anyhow::Result<()> {
        self.patiently(&format!("clicking {test_id}"), async || {
            let element = self.find(test_id).await?;
            element.wait_until().clickable().await?;
            self.still(&element).await?;
            Ok(element.click().await?)
        })
        .await
    }

    /// Clicks the label around an input, as one does where the input itself is drawn by its label.
    ///
    /// # Errors
    /// When there is no such input or no label around it.
    pub async fn click_label(&self, test_id: &str) -> anyhow::Result<()> {
        self.patiently(&format!("clicking the label of {test_id}"), async || {
            let element = self.find(test_id).await?;
            let label = element.find(By::XPath("ancestor::label")).await?;
            self.still(&label).await?;
            Ok(label.click().await?)
        })
        .await
    }

    /// Types into a field in place of what stands there.
    ///
    /// # Errors
    /// When the field is not there.
    pub async fn type_into(&self, test_id: &str, text: &str) -> anyhow::Result<()> {
        self.patiently(&format!("typing into {test_id}"), async || {
            let element = self.find(test_id).await?;
            // As a person does: a page does not hear of a field that the driver clears, and may fill it in again.
            element.send_keys(Key::Control + "a").await?;
            Ok(element.send_keys(Key::Delete + text).await?)
        })
        .await
    }

    /// Waits until the element with this `data-testid` says all of these words, in whichever case.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn says(&self, test_id: &str, words: &[&str]) -> anyhow::Result<String> {
        crate::wait_for(&format!("{test_id} to say {words:?}"), 60, async || {
            let text = match self.find(test_id).await?.text().await {
                Ok(text) => text,
                // It was drawn anew in the meantime.
                Err(_) => return Ok(None),
            };
            Ok(words
                .iter()
                .all(|word| text.to_lowercase().contains(&word.to_lowercase()))
                .then_some(text))
        })
        .await
    }

    /// What a script answers.
    ///
    /// # Errors
    /// When it fails.
    pub async fn ask(&self, script: &str) -> anyhow::Result<serde_json::Value> {
        let answer = self
            .driver
            .execute(script, Vec::new())
            .await
            .with_context(|| script.to_owned())?;
        Ok(answer.json().clone())
    }

    /// Makes the window so large, and waits until the page is drawn in it.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn resize(&self, width: u32, height: u32) -> anyhow::Result<()> {
        self.driver.set_window_rect(0, 0, width, height).await?;
        // What slides to its place has to arrive; what turns for ever is left to turn.
        let script = "const done = arguments[0]; \
            requestAnimationFrame(() => requestAnimationFrame(() => { \
                const ends = one => one.effect.getComputedTiming().iterations !== Infinity; \
                Promise.allSettled(document.getAnimations().filter(ends).map(one => one.finished)).then(() => done(null)); \
            }));";
        self.driver.execute_async(script, Vec::new()).await?;
        Ok(())
    }

    /// Nothing has to be scrolled sideways to be read, but for what may be wide by its nature: tables, code.
    ///
    /// # Errors
    /// Names the page, its width and what sticks out.
    pub async fn fits(&self, name: &str) -> anyhow::Result<()> {
        let script = "const scrolls = one => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX); \
            const may = '.ab-scroll, .ab-virtual, pre, textarea'; \
            const wide = [document.documentElement, ...document.querySelectorAll('body *')] \
                .filter(one => one.scrollWidth > one.clientWidth && (one === document.documentElement || scrolls(one)) && !one.matches(may)); \
            if (wide.length === 0) return ''; \
            const edge = wide[0].getBoundingClientRect().right + 0.5; \
            const out = [...wide[0].querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > edge && !one.closest(may)); \
            return `${wide[0].scrollWidth} in ${wide[0].clientWidth}: ` + out.slice(0, 4).map(one => one.outerHTML.slice(0, 120)).join(' ')";
        let out = self.ask(script).await?;
        ensure!(out == "", "{name} is too wide, {out}");
        Ok(())
    }
}
