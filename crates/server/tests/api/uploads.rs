//! end-4, end-5, end-6, end-11, end-13, end-14: bring blobs in.

use http::StatusCode;
use oras_spec::Digest;

use crate::client::on_every_store;

#[tokio::test]
async fn end_6_a_post_and_a_put_push_a_blob() {
    on_every_store(async |client| {
        for bytes in [vec![], vec![7; 10], vec![8; 100_000], vec![9; 3_000_000]] {
            let digest = Digest::of(&bytes);
            let location = client.start_upload("a").await;
            let put = client.put(&format!("{location}?digest={digest}"), bytes.clone()).await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(put.header("docker-content-digest"), digest.as_str());
            let got = client.get(put.header("location")).await;
            assert!(got.body == bytes);
            let gone = client.get(&location).await;
            gone.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
        }
    })
    .await;
}
