//! Copies of artifacts with what is about them.

use super::*;

async fn attach(memory: &Memory, subject: &Descriptor, bytes: &[u8]) -> Descriptor {
    let layer = put(memory, "a/b".into(), bytes).await;
    let config = put(memory, MediaType::EMPTY_JSON, b"{}").await;
    let mut manifest = Manifest::new(config, vec![layer]);
    manifest.subject = Some(subject.plain());
    put(memory, MediaType::IMAGE_MANIFEST, &json::to_vec(&manifest)).await
}

async fn has(memory: &Memory, descriptors: &[&Descriptor]) -> Vec<bool> {
    let mut has = Vec::new();
    for descriptor in descriptors {
        has.push(memory.exists(descriptor).await.expect("memory"));
    }
    has
}

#[tokio::test]
async fn referrers_come_along_from_all_levels_and_the_tag_comes_last() {
    let source = Memory::new();
    let root = manifest(&source, vec![layer(&source, "one", b"one").await]).await;
    let sbom = attach(&source, &root, b"sbom").await;
    let signature = attach(&source, &sbom, b"signature").await;
    let other = attach(&source, &root, b"other").await;
    let stranger = manifest(&source, vec![layer(&source, "two", b"two").await]).await;
    attach(&source, &stranger, b"of the stranger").await;

    let target = Odd { tags_by_push: true, checks_successors: true, ..Odd::default() };
    let (log, options) = listening(one_by_one());
    let from = root.digest.clone().into();
    let to = tag("v1");
    let copied = copy_with_referrers(&source, &from, &target, Some(&to), &options).await;
    assert_eq!(copied.expect("copied"), Copied { root: root.clone(), referrers: 3 });
    assert_eq!(count_referrers(&source, &root, 1).await.expect("counted"), 3);
    let wanted = [&root, &sbom, &signature, &other, &stranger];
    assert_eq!(has(&target.inner, &wanted).await, [true, true, true, true, false]);
    assert_eq!(target.calls().last(), Some(&format!("push {}", name(&root))));
    assert_eq!(target.inner.resolve(&to.clone().into()).await.expect("tagged"), root);
    let pushes =
        target.calls().iter().filter(|call| **call == format!("push {}", name(&root))).count();
    assert_eq!(pushes, 2, "once by its digest, once under the tag");
    let copied = lines(&log).iter().filter(|line| line.starts_with("copied")).count();
    assert_eq!(copied, 9, "each node once: {:?}", lines(&log));

    // Again: only the tops are spoken of.
    let (log, options) = listening(one_by_one());
    copy_with_referrers(&source, &from, &target, Some(&to), &options).await.expect("copied");
    let mut found = lines(&log);
    found.sort();
    let mut tops = [&signature, &other].map(|top| format!("exists {}", name(top)));
    tops.sort();
    assert_eq!(found, tops);
}

#[tokio::test]
async fn without_referrers_it_is_a_plain_copy() {
    let source = Memory::new();
    let root = diamond(&source).await;
    let target = Memory::new();
    let from = root.digest.clone().into();
    copy_with_referrers(&source, &from, &target, Some(&tag("v")), &one_by_one())
        .await
        .expect("copied");
    assert_eq!(target.resolve(&tag("v").into()).await.expect("tagged"), root);
    let (log, options) = listening(one_by_one());
    copy_with_referrers(&source, &from, &target, None, &options).await.expect("copied");
    assert_eq!(lines(&log), [format!("exists {}", name(&root))]);
}

#[tokio::test]
async fn what_is_about_the_manifests_of_an_index_comes_along() {
    let source = Memory::new();
    let one = manifest(&source, vec![layer(&source, "one", b"one").await]).await;
    let two = manifest(&source, vec![layer(&source, "two", b"two").await]).await;
    let about_one = attach(&source, &one, b"about one").await;
    let root = index(&source, vec![one.clone(), two.clone()]).await;
    let about_root = attach(&source, &root, b"about all").await;
    let target = Memory::new();
    let from = root.digest.clone().into();
    copy_with_referrers(&source, &from, &target, None, &one_by_one()).await.expect("copied");
    let wanted = [&root, &one, &two, &about_one, &about_root];
    assert_eq!(has(&target, &wanted).await, [true; 5]);
}

#[tokio::test]
async fn the_root_is_copied_also_if_what_claims_to_be_about_it_is_there_or_is_not() {
    let source = Memory::new();
    let root = manifest(&source, vec![layer(&source, "one", b"one").await]).await;
    let sbom = attach(&source, &root, b"sbom").await;
    // The target says that it has the one thing that leads to the root.
    let target = Odd { claims: Mutex::new([sbom.digest].into()), ..Odd::default() };
    let from = root.digest.clone().into();
    copy_with_referrers(&source, &from, &target, Some(&tag("v")), &one_by_one())
        .await
        .expect("copied");
    assert_eq!(target.inner.resolve(&tag("v").into()).await.expect("tagged"), root);
}

#[tokio::test]
async fn what_is_missing_below_what_is_there_is_copied_when_asked_for() {
    let source = Memory::new();
    let layers = [layer(&source, "one", b"one").await, layer(&source, "two", b"two").await];
    let blobs = [layers[0].clone(), layers[1].clone(), Descriptor::empty_json()];
    let children =
        [manifest(&source, vec![layers[0].clone()]).await, manifest(&source, layers.into()).await];
    let index = Index::new(children.to_vec());
    let root = put(&source, MediaType::IMAGE_INDEX, &json::to_vec(&index)).await;
    let from = root.digest.clone().into();
    for lost in [&children[1], &blobs[1]] {
        let target = Odd { tags_by_push: true, ..Odd::default() };
        for descriptor in [&root, &children[0], &children[1]].into_iter().chain(&blobs) {
            if descriptor.digest != lost.digest {
                let content = source.fetch(descriptor).await.expect("there");
                target.inner.push(descriptor, content).await.expect("pushed");
            }
        }
        let (log, options) = listening(one_by_one());
        let skipping = CopyOptions { existing: Existing::Skip, ..options.clone() };
        copy_with_referrers(&source, &from, &target, Some(&tag("v")), &skipping).await.expect("ok");
        assert!(!target.inner.exists(lost).await.expect("asked"), "it was not looked for");
        let completing = CopyOptions { existing: Existing::Complete, ..options };
        log.0.lock().expect("not poisoned").clear();
        copy_with_referrers(&source, &from, &target, Some(&tag("v")), &completing)
            .await
            .expect("completed");
        assert!(target.inner.exists(lost).await.expect("asked"));
        let found = lines(&log);
        let copied: Vec<&String> = found.iter().filter(|line| line.starts_with("copied")).collect();
        assert_eq!(copied, [&format!("copied {}", name(lost))]);
        assert_eq!(found.last(), Some(&format!("exists {}", name(&root))));
    }
}

#[tokio::test]
async fn tags_that_name_what_they_are_about_come_along_when_asked_for() {
    let source = Memory::new();
    let root = manifest(&source, vec![layer(&source, "one", b"one").await]).await;
    let about = |subject: &Descriptor, suffix: &str| -> Tag {
        tag(&format!("sha256-{}.{suffix}", subject.digest.encoded()))
    };
    let signature = manifest(&source, vec![layer(&source, "sig", b"sig").await]).await;
    let sbom = manifest(&source, vec![layer(&source, "sbom", b"sbom").await]).await;
    let other = manifest(&source, vec![layer(&source, "other", b"other").await]).await;
    let tags = [about(&root, "sig"), about(&signature, "sbom"), about(&other, "sig")];
    source.tag(&signature, &tags[0]).await.expect("tagged");
    source.tag(&sbom, &tags[1]).await.expect("tagged");
    source.tag(&root, &tags[2]).await.expect("tagged");
    let from = root.digest.clone().into();
    for digest_tags in [false, true] {
        let target = Memory::new();
        let options = CopyOptions { digest_tags, ..one_by_one() };
        copy_with_referrers(&source, &from, &target, Some(&tag("v1")), &options).await.expect("ok");
        assert_eq!(
            has(&target, &[&signature, &sbom, &other]).await,
            [digest_tags, digest_tags, false]
        );
        for (at, wanted) in [(&tags[0], &signature), (&tags[1], &sbom)] {
            let found = target.resolve(&at.clone().into()).await.ok();
            assert_eq!(found, digest_tags.then(|| wanted.clone()));
        }
        assert!(target.resolve(&tags[2].clone().into()).await.is_err());
    }
}
