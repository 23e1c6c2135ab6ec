package bench;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.simp.annotation.SubscribeMapping;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.stereotype.Controller;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;

/** STOMP over WebSocket with the simple broker, as Spring Boot brings it, but in order: ours always is. */
@SpringBootApplication
public class SpringPeer {

  public static void main(String[] args) {
    SpringApplication.run(SpringPeer.class, args);
  }

  @Configuration
  @EnableWebSocketMessageBroker
  static class Messaging implements WebSocketMessageBrokerConfigurer {

    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
      registry.addEndpoint("/ws").setAllowedOriginPatterns("*");
      registry.setPreserveReceiveOrder(true);
    }

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
      registry.enableSimpleBroker("/topic").setHeartbeatValue(new long[] {10_000, 10_000}).setTaskScheduler(heartBeats());
      registry.setApplicationDestinationPrefixes("/app");
      registry.setPreservePublishOrder(true);
    }

    @Bean
    TaskScheduler heartBeats() {
      return new ThreadPoolTaskScheduler();
    }
  }

  @Controller
  static class Readiness {

    /** The simple broker gives no receipts: the answer to this subscription says that those before it stand. */
    @SubscribeMapping("/ready")
    String ready() {
      return "ready";
    }
  }
}
