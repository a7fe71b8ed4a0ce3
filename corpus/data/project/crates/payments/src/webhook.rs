//! Events the payment provider sends.

/// Takes one signed event: the signature covers the raw body.
pub async fn receive(headers: HeaderMap, body: Bytes) -> Result<(), ApiError> {
    let signature = header(&headers, "x-signature")?;
    verify(&key(), &body, &signature)?;
    let event: Event = serde_json::from_slice(&body)?;
    queue().push(event).await
}
