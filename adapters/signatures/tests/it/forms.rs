//! Signatures as other programs make them: with the `openssl` command, by each option that changes the form.
//!
//! Guarantee: our verdict and that of `openssl cms -verify` agree on each. Limit: forms that no PEC provider uses (several
//! signers, no certificate) are refused though CMS allows them.

use crate::fixture::{
    PROVIDER, World, openssl, openssl_takes, openssl_takes_at, part, says, world, write_identity,
};
use messo_core::signatures::Verdict;
use messo_core::time::Timestamp;
use messo_signatures::testing::{Encoding, assemble, lines, pem};
use messo_signatures::verify_message;
use std::fs;

/// A message signed by the command with these further options.
fn made(world: &World, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write_identity(folder.path(), "provider", &world.provider);
    write_identity(folder.path(), "other", &world.other);
    let part = part(900);
    fs::write(folder.path().join("part"), &part).unwrap();
    let fixed = "cms -sign -binary -in part -signer provider.pem -inkey provider.key -outform DER -out p7s -certfile issuing.pem";
    let arguments: Vec<_> = fixed.split(' ').chain(options.iter().copied()).collect();
    openssl(folder.path(), &arguments);
    assemble(PROVIDER, &part, &fs::read(folder.path().join("p7s")).unwrap())
}

#[test]
fn forms_that_cms_allows_and_providers_may_use_are_valid() {
    let forms: [(&[&str], &str, &[&str]); 7] = [
        (&["-md", "sha256"], "sha256", &[]),
        (&["-md", "sha512"], "sha512", &[]),
        (&["-md", "sha1"], "sha1", &["sha1_digest"]),
        (&["-noattr"], "sha256", &[]),
        (&["-keyid"], "sha256", &[]),
        (&["-keyopt", "rsa_padding_mode:pss"], "sha256", &[]),
        (&["-nosmimecap"], "sha256", &[]),
    ];
    for (options, digest, remarks) in forms {
        let raw = made(world(), options);
        let report = world().check(&raw);
        assert_eq!(says(&report), (Verdict::Valid, remarks.to_vec()), "{options:?}");
        assert_eq!(report.digest_algorithm.as_deref(), Some(digest));
        assert!(openssl_takes(&raw), "{options:?}");
    }
}

#[test]
fn whole_messages_of_the_command_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    write_identity(folder.path(), "provider", &world().provider);
    fs::write(folder.path().join("part"), part(900)).unwrap();
    let made = |command: &str| {
        let rest = "-in part -out raw -signer provider.pem -inkey provider.key -certfile issuing.pem -from";
        let words = command.split(' ').chain(rest.split(' ')).chain([PROVIDER]);
        openssl(folder.path(), &words.collect::<Vec<_>>());
        fs::read(folder.path().join("raw")).unwrap()
    };
    let wire = made("cms -sign -crlfeol");
    assert_eq!(says(&world().check(&wire)), (Verdict::Valid, vec![]));
    for command in ["cms -sign", "smime -sign", "cms -sign -stream"] {
        let report = world().check(&made(command));
        assert_eq!(report.verdict, Verdict::Valid, "{command}");
    }
    for command in ["cms -sign -nodetach -stream", "smime -sign -nodetach"] {
        assert_eq!(says(&world().check(&made(command))), (Verdict::Valid, vec![]), "{command}");
    }
}

#[test]
fn a_provider_may_sign_with_an_elliptic_curve() {
    let folder = tempfile::tempdir().unwrap();
    let ca = &world().ca.issuing;
    fs::write(folder.path().join("ca.key"), ca.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::write(folder.path().join("ca.pem"), pem(&ca.certificate)).unwrap();
    let extensions = format!(
        "keyUsage = critical, digitalSignature\nsubjectAltName = email:{PROVIDER}\n\
         extendedKeyUsage = emailProtection, clientAuth\nauthorityKeyIdentifier = keyid\n"
    );
    fs::write(folder.path().join("extensions"), extensions).unwrap();
    let part = part(900);
    fs::write(folder.path().join("part"), &part).unwrap();
    for command in [
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.key -out ec.csr -subj /O=Gestore",
        "x509 -req -in ec.csr -CA ca.pem -CAkey ca.key -days 30 -extfile extensions -out ec.pem",
        "cms -sign -binary -in part -signer ec.pem -inkey ec.key -certfile ca.pem -outform DER -out p7s",
    ] {
        openssl(folder.path(), &command.split(' ').collect::<Vec<_>>());
    }
    let raw = assemble(PROVIDER, &part, &fs::read(folder.path().join("p7s")).unwrap());
    // Made today; judged in its second week.
    let today = fs::metadata(folder.path().join("p7s")).unwrap().modified().unwrap();
    let today = today.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = Timestamp::from_seconds(i64::try_from(today).unwrap() + 10 * 86_400);
    let report = verify_message(&raw, at, &world().anchors());
    assert_eq!(says(&report), (Verdict::Valid, vec![]));
    assert!(openssl_takes_at(&raw, at));
}

#[test]
fn forms_that_prove_less_than_a_providers_signature_say_why() {
    let two = made(world(), &["-signer", "other.pem", "-inkey", "other.key"]);
    assert_eq!(says(&world().check(&two)), (Verdict::Invalid, vec!["several_signers"]));
    let bare = made(world(), &["-nocerts"]);
    assert_eq!(says(&world().check(&bare)), (Verdict::Invalid, vec!["no_signer_certificate"]));
    let inside = made(world(), &["-nodetach"]);
    assert_eq!(says(&world().check(&inside)), (Verdict::Invalid, vec!["cms_unreadable"]));
    let md5 = made(world(), &["-md", "md5"]);
    assert_eq!(says(&world().check(&md5)), (Verdict::NotVerifiable, vec!["algorithm_unsupported"]));
}

#[test]
fn a_signature_with_the_content_inside_is_checked_too() {
    for encoding in [Encoding::Der, Encoding::Ber] {
        let mut cms = world().provider.sign_opaque(&part(2_500), encoding);
        let raw = |cms: &[u8]| {
            let head = format!(
                "From: {PROVIDER}\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n"
            );
            format!("{head}{}\r\n", lines(cms)).into_bytes()
        };
        assert_eq!(says(&world().check(&raw(&cms))), (Verdict::Valid, vec![]), "{encoding:?}");
        assert!(openssl_takes(&raw(&cms)), "{encoding:?}");
        let at = memchr::memmem::find(&cms, b"Ricevuta").unwrap();
        cms[at] ^= 1;
        assert_eq!(says(&world().check(&raw(&cms))), (Verdict::Invalid, vec!["digest_mismatch"]));
        assert!(!openssl_takes(&raw(&cms)), "{encoding:?}");
    }
}

#[test]
fn an_encrypted_message_is_not_a_signed_one() {
    let folder = tempfile::tempdir().unwrap();
    write_identity(folder.path(), "provider", &world().provider);
    fs::write(folder.path().join("part"), part(500)).unwrap();
    openssl(
        folder.path(),
        &["cms", "-encrypt", "-in", "part", "-out", "raw", "-aes256", "provider.pem"],
    );
    let raw = fs::read(folder.path().join("raw")).unwrap();
    assert_eq!(says(&world().check(&raw)), (Verdict::Missing, vec!["no_signature"]));
}
