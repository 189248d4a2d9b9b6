use super::*;

fn ratios(text: &str) -> SplitRatios {
    text.parse().unwrap()
}

#[test]
fn the_assignment_never_changes() {
    // Fixed for ever: a document must find its part again after any update.
    let assigned: Vec<&str> = (0..12)
        .map(|n| assign(&format!("d{n}"), 7, ratios("0.5,0.25,0.25")).as_str())
        .collect();
    let expected = [
        "train",
        "train",
        "validation",
        "train",
        "train",
        "test",
        "validation",
        "test",
        "test",
        "train",
        "train",
        "train",
    ];
    assert_eq!(assigned, expected);
}

#[test]
fn shares_come_out() {
    let mut counts = [0_u32; 3];
    for n in 0..20_000 {
        counts[assign(&n.to_string(), 1, ratios("0.8,0.1,0.1")) as usize] += 1;
    }
    // Four standard deviations of a share of one tenth are 170 documents.
    assert!(
        counts[1].abs_diff(2_000) < 170 && counts[2].abs_diff(2_000) < 170,
        "{counts:?}"
    );
}

#[test]
fn the_seed_matters_and_growing_a_part_moves_few() {
    let parts = |seed, text| {
        (0..1_000)
            .map(|n| assign(&n.to_string(), seed, ratios(text)))
            .collect::<Vec<_>>()
    };
    assert_ne!(parts(1, "0.5,0,0.5"), parts(2, "0.5,0,0.5"));
    let (before, after) = (parts(1, "0.5,0,0.5"), parts(1, "0.6,0,0.4"));
    // Nobody leaves the part that grew.
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| *before == Split::Test || *after == Split::Train)
    );
}

#[test]
fn a_part_without_share_stays_empty() {
    for n in 0..1_000 {
        assert_eq!(assign(&n.to_string(), 0, ratios("0,0,1")), Split::Test);
        assert_eq!(assign(&n.to_string(), 0, ratios("1,0,0")), Split::Train);
        assert_ne!(
            assign(&n.to_string(), 0, ratios("0.3333333,0.6666666,0")),
            Split::Test
        );
    }
}

#[test]
fn shares_are_checked() {
    assert_eq!(
        ratios(" 0.8, 0.1,0.1"),
        SplitRatios {
            train: 0.8,
            validation: 0.1,
            test: 0.1
        }
    );
    for text in [
        "0.8,0.1",
        "0.8,0.1,0.2",
        "1.2,-0.1,-0.1",
        "a,b,c",
        "",
        "NaN,0,1",
        "0.8,0.1,0.05,0.05",
    ] {
        let error = text.parse::<SplitRatios>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("found the split `{text}`, expected three shares")),
            "{error}"
        );
    }
}

#[test]
fn words_for_parts() {
    for word in ["validation", "val", "valid", "dev"] {
        assert_eq!(word.parse(), Ok(Split::Validation));
        assert_eq!(
            serde_json::from_str::<Split>(&format!("\"{word}\"")).unwrap(),
            Split::Validation
        );
    }
    assert_eq!(
        serde_json::to_string(&Split::Validation).unwrap(),
        "\"validation\""
    );
    assert!("Train".parse::<Split>().is_err());
}

#[test]
fn every_stratum_has_its_share_of_every_part() {
    let ratios: SplitRatios = "0.8,0.1,0.1".parse().unwrap();
    let deal = |seed| {
        let mut stratified = Stratified::new(ratios, seed);
        (0..3_000_u64)
            .map(|n| (n % 30, stratified.next(n % 30)))
            .collect::<Vec<_>>()
    };
    let dealt = deal(1);
    for stratum in 0..30 {
        let n = |split| dealt.iter().filter(|&&it| it == (stratum, split)).count();
        let counts = Split::ALL.map(n);
        assert!((79..=81).contains(&counts[0]), "{stratum}: {counts:?}");
        assert!((9..=11).contains(&counts[1]), "{stratum}: {counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), 100);
    }
    assert_eq!(dealt, deal(1));
    assert_ne!(dealt, deal(2));
    // A part without a share stays empty.
    let mut halves = Stratified::new("0.5,0,0.5".parse().unwrap(), 3);
    assert!((0..50).all(|_| halves.next(7) != Split::Validation));
}
