// verify enroll|verify PERSON PHOTO: exits with 0 (enrolled, or the same person), 1 (different) or 2 (error).
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
	"google.golang.org/grpc/status"

	likeness "likeness.example/verify/likeness/v1"
)

const config = `{"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [{"name": [{}], "retryPolicy": {
  "maxAttempts": 4, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
  "retryableStatusCodes": ["UNAVAILABLE"]}}]}`

func main() {
	command, person := os.Args[1], os.Args[2]
	photo, err := os.ReadFile(os.Args[3])
	exitOn(err)
	tls, err := credentials.NewClientTLSFromFile(os.Getenv("LIKENESS_TLS_CA"), "")
	exitOn(err)
	token := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: os.Getenv("LIKENESS_TOKEN")})
	connection, err := grpc.NewClient(os.Getenv("LIKENESS_SERVER"), grpc.WithTransportCredentials(tls),
		grpc.WithPerRPCCredentials(oauth.TokenSource{TokenSource: token}), grpc.WithDefaultServiceConfig(config),
		// A call that does not fit its retry buffer is not repeated, and gRPC's own, 256 KiB, is less than most photos.
		grpc.WithDefaultCallOptions(grpc.MaxRetryRPCBufferSize(16<<20)))
	exitOn(err)
	faces := likeness.NewFaceVerificationServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if command == "enroll" { // a repeated call with the same RequestId enrols once
		_, err := faces.Enroll(ctx, &likeness.EnrollRequest{PersonId: person, Photos: [][]byte{photo}, RequestId: rand.Text()})
		exitOn(err)
		fmt.Println("enrolled")
		return
	}
	answer, err := faces.Verify(ctx, &likeness.VerifyRequest{PersonId: person, Photo: photo})
	exitOn(err)
	verdict, code := "different", 1
	if answer.Verified {
		verdict, code = "same person", 0
	}
	fmt.Printf("%s, distance %.3f, threshold %.3f\n", verdict, answer.Distance, answer.Threshold.Distance)
	os.Exit(code)
}

// exitOn tells an error by its stable reason, where it has one.
func exitOn(err error) {
	if err == nil {
		return
	}
	reason := status.Code(err).String()
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			reason = info.Reason
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", reason, status.Convert(err).Message())
	os.Exit(2)
}
