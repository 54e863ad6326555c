// verify PERSON PHOTO: exits with 0 (the same person), 1 (different) or 2 (error; its stable reason is printed).
package main

import (
	"context"
	"fmt"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // so that Details reads an error's reason
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	likeness "likeness.example/verify/likeness/v1"
	"os"
	"time"
)

func main() {
	photo, err := os.ReadFile(os.Args[2])
	exitOn(err)
	tls, err := credentials.NewClientTLSFromFile(os.Getenv("LIKENESS_TLS_CA"), "")
	exitOn(err)
	balanced := grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`)
	connection, err := grpc.NewClient(os.Getenv("LIKENESS_SERVER"), grpc.WithTransportCredentials(tls), balanced)
	exitOn(err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("LIKENESS_TOKEN"))
	answer, err := likeness.NewFaceVerificationServiceClient(connection).Verify(ctx, &likeness.VerifyRequest{PersonId: os.Args[1], Photo: photo})
	exitOn(err)
	fmt.Println("same person:", answer.Verified, "false match rate:", answer.Threshold.GetFalseMatchRate())
	os.Exit(map[bool]int{true: 0, false: 1}[answer.Verified])
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, status.Convert(err).Details(), err)
		os.Exit(2)
	}
}
