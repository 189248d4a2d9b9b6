use super::*;

fn documents() -> Vec<DocumentScores> {
    vec![
        DocumentScores {
            scores: vec![(3, 0.75), (0, 0.5), (70_000, 0.0)],
            decided: None,
        },
        DocumentScores {
            scores: Vec::new(),
            decided: Some(Vec::new()),
        },
        DocumentScores {
            scores: vec![(1, 1.0)],
            decided: Some(vec![1, 9]),
        },
    ]
}

#[test]
fn requests_come_back_as_written() {
    for texts in [vec![], vec![""], vec!["a", "", "größer 🙂", "z"]] {
        let kept = if texts.is_empty() {
            Kept::All
        } else {
            Kept::Best
        };
        let request = decode_request(&encode_request(7, kept, &texts)).unwrap();
        assert_eq!((request.id, request.kept), (7, kept));
        assert_eq!(request.texts.len(), texts.len());
        assert_eq!(request.texts.iter().collect::<Vec<_>>(), texts);
    }
}

#[test]
fn responses_come_back_as_written() {
    for outcome in [
        Ok(documents()),
        Ok(Vec::new()),
        Err("out of memory".to_owned()),
    ] {
        let response = Response {
            id: u64::MAX - 1,
            outcome,
        };
        assert_eq!(
            decode_response(&encode_response(&response)).unwrap(),
            response
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    let request = encode_request(1, Kept::Best, &["ab", "é"]);
    for end in 0..request.len() {
        assert!(decode_request(&request[..end]).is_err(), "{end}");
    }
    let response = encode_response(&Response {
        id: 1,
        outcome: Ok(documents()),
    });
    for end in 0..response.len() {
        assert!(decode_response(&response[..end]).is_err(), "{end}");
    }
}

#[test]
fn lengths_that_split_a_character_are_refused() {
    let mut body = encode_request(1, Kept::All, &["é", "x"]);
    body[12] = 1;
    body[16] = 2;
    assert!(decode_request(&body).is_err());
}

#[test]
fn frames_follow_each_other_on_a_stream() {
    let mut stream = Vec::new();
    write_frame(&mut stream, b"one").unwrap();
    write_frame(&mut stream, b"").unwrap();
    let mut from = stream.as_slice();
    assert_eq!(
        read_frame(&mut from).unwrap().as_deref(),
        Some(b"one".as_slice())
    );
    assert_eq!(
        read_frame(&mut from).unwrap().as_deref(),
        Some(b"".as_slice())
    );
    assert_eq!(read_frame(&mut from).unwrap(), None);
    assert!(read_frame(&mut &stream[..5]).is_err());
    assert!(read_frame(&mut b"hello, this is no frame".as_slice()).is_err());
}

#[test]
fn all_scores_are_answered_where_the_best_do_not_do() {
    for (selection, shown, kept) in [
        (Selection::Method, 64, Kept::Best),
        (Selection::Method, 65, Kept::All),
        (Selection::Threshold(0.01), 0, Kept::Best),
        (Selection::Threshold(0.009), 0, Kept::All),
        (Selection::Top(64), 0, Kept::Best),
        (Selection::Top(65), 0, Kept::All),
        (Selection::TopAbove(65, 0.01), 0, Kept::Best),
        (Selection::TopAbove(64, 0.0), 0, Kept::Best),
        (Selection::TopAbove(65, 0.0), 0, Kept::All),
        (Selection::Levels(vec![0.01, 0.5]), 0, Kept::Best),
        (Selection::Levels(vec![0.5, 0.009]), 0, Kept::All),
    ] {
        assert_eq!(
            Kept::for_answer(&selection, shown),
            kept,
            "{selection:?}, {shown}"
        );
    }
}
