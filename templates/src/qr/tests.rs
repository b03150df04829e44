//! The code is read back by an independent reader, and the choices stay within their bounds.

use super::*;

fn read_back(qr: &Qr, scale: u8) -> String {
    let bytes = qr.png(scale);
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (info.width as usize, info.height as usize);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        if pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) == 0 { 0 } else { 255 }
    });
    image.detect_grids()[0].decode().unwrap().1
}

#[test]
fn what_is_written_is_read_back_by_another_reader() {
    for length in [1, 47, 48, 61, 90, 108, 125, 157, 158, 221] {
        let text: String =
            "HTTPS://MESSO.EXAMPLE/Q/7Z-.$%*+ 0".chars().cycle().take(length).collect();
        let text = text.replace(' ', "A");
        let qr = draw(&text, 40.0).unwrap();
        assert_eq!(read_back(&qr, 4), text);
    }
    assert_eq!(
        read_back(&draw("https://messo.example/q/abc=1", 30.0).unwrap(), 3),
        "https://messo.example/q/abc=1"
    );
}

#[test]
fn level_q_is_preferred_while_its_modules_stay_large() {
    let text = "A".repeat(100);
    let large = draw(&text, 30.0).unwrap();
    assert_eq!((large.version, large.level), (6, Level::Q));
    assert!(large.module_mm > 0.6);
    let small = draw(&text, 23.0).unwrap();
    assert_eq!((small.version, small.level), (5, Level::M));
    assert!(small.module_mm >= GOOD_MM);
}

#[test]
fn what_would_not_survive_is_refused_with_a_reason() {
    let long = draw(&"A".repeat(222), 60.0).unwrap_err();
    assert_eq!(long, Refuse::TooLong { length: 222, most: 221 });
    assert!(long.to_string().contains("222"));
    let tight = draw(&"A".repeat(200), 20.0).unwrap_err();
    assert_eq!(tight, Refuse::BoxTooSmall { given_mm: 20.0, needed_mm: 23.0 });
    assert!(draw(&"A".repeat(200), 23.0).is_ok());
    assert_eq!(draw("", 30.0).unwrap_err(), Refuse::Empty);
}

#[test]
fn the_picture_for_mail_stays_small_and_has_a_quiet_zone() {
    let qr = draw(
        "HTTPS://MESSO.EXAMPLE/Q/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOP",
        30.0,
    )
    .unwrap();
    assert!(qr.png(4).len() < 1_500, "{} bytes", qr.png(4).len());
    assert!(qr.svg().contains("M4 4h7v1h-7z"));
    assert!(!qr.dark(qr.modules(), 0));
}
